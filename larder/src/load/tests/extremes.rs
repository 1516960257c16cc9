//! Options as they should not be.

use super::*;

#[tokio::test]
async fn times_without_end_are_times() {
    let ever = Duration::MAX;
    let bench = Bench::new();
    let server = bench.server();
    for forced in [false, true] {
        let call = server.values.get_or_load("k", bench.source.loader());
        let call = call.ttl(ever).stale_for(ever).negative_ttl(ever).wait(ever).backoff(ever);
        let call = call.soft_timeout(ever).hard_timeout(ever).jitter(1.0).refresh_ahead(f64::MAX);
        let call = if forced { call.force_refresh() } else { call };
        assert_eq!(call.await.unwrap(), 1);
    }
    bench.source.breaks(true);
    let call = server.values.get_or_load("other", bench.source.loader()).backoff(ever);
    call.hard_timeout(ever).await.unwrap_err();
    assert!(server.is_idle());
}
