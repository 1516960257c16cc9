use std::{collections::BTreeMap, time::Duration};

use ::metrics::{Unit, set_default_local_recorder};
use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Condition, Namespace, SetItem, SetOptions, TestClock, Ttl};
use futures_util::FutureExt;
use integration_tests::faults::{Scripted, full};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::*;

/// Every series by its name and labels: a counter's sum, a histogram's values.
fn series(snapshotter: &Snapshotter) -> BTreeMap<String, Vec<f64>> {
    let shown =
        |(key, unit, _, value): (metrics_util::CompositeKey, Option<Unit>, _, DebugValue)| {
            let (kind, key) = key.into_parts();
            let unit = unit.map_or("undescribed", |unit| unit.as_str());
            let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
            let values = match value {
                DebugValue::Counter(sum) => vec![sum as f64],
                DebugValue::Gauge(value) => vec![*value],
                DebugValue::Histogram(values) => values.into_iter().map(|value| *value).collect(),
            };
            (format!("{kind:?} {} {} {unit}", key.name(), labels.join(" ")), values)
        };
    snapshotter.snapshot().into_vec().into_iter().map(shown).collect()
}

#[tokio::test]
async fn calls_are_counted_by_outcome_with_their_time_and_their_bytes() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _default = set_default_local_recorder(&recorder);

    let (clock, scripted) = (TestClock::new(), Scripted::new(Arc::new(MemoryCache::new())));
    let layer = Metrics::new().store("sessions").clock(Arc::new(clock.clone()));
    let store = layer.layer(Arc::new(scripted.clone()));
    let namespace = Namespace::new("n").unwrap();
    let (key, other) = (namespace.key("s3cret").unwrap(), namespace.key("other").unwrap());
    let options = SetOptions::new(Ttl::Never);
    let once = options.when(Condition::Absent);

    assert!(store.get(&key).await.unwrap().is_none());
    assert!(store.set(&key, "12345".into(), options).await.unwrap().is_stored());
    assert!(!store.set(&key, "12345".into(), once).await.unwrap().is_stored());
    scripted.lose_reply(Op::Set);
    assert!(store.set(&key, "12345".into(), options).await.is_err());
    scripted.fail(Op::Set, full(Op::Set));
    assert!(store.set(&key, "12345".into(), options).await.is_err());
    assert!(store.get(&key).await.unwrap().is_some());
    assert_eq!(store.get_many(&[key.clone(), other, key.clone()]).await.unwrap().len(), 3);
    let item = SetItem { key: key.clone(), value: Bytes::from_static(b"123"), options };
    assert_eq!(store.set_many(vec![item.clone(), item]).await.unwrap().len(), 2);

    let gate = scripted.hold(Op::Take);
    let mut take = store.take(&key);
    assert!((&mut take).now_or_never().is_none());
    clock.advance(Duration::from_millis(250));
    drop((take, gate));

    let counted = series(&snapshotter);
    let calls = |labels: &str| {
        counted.get(&format!("Counter larder_store_calls_total sessions {labels} count"))
    };
    for (labels, sum) in [
        ("get miss", 1.0),
        ("get hit", 1.0),
        ("set ok", 1.0),
        ("set refused", 1.0),
        ("set timeout", 1.0),
        ("set write_refused", 1.0),
        ("get_many ok", 1.0),
        ("set_many ok", 1.0),
        ("take abandoned", 1.0),
    ] {
        assert_eq!(calls(labels), Some(&vec![sum]), "{labels}: {counted:#?}");
    }
    for (name, sum) in [
        ("hits_total sessions get count", 1.0),
        ("misses_total sessions get count", 1.0),
        ("hits_total sessions get_many count", 2.0),
        ("misses_total sessions get_many count", 1.0),
        ("read_bytes_total sessions get bytes", 5.0),
        ("read_bytes_total sessions get_many bytes", 10.0),
        ("written_bytes_total sessions set bytes", 5.0),
        ("written_bytes_total sessions set_many bytes", 6.0),
    ] {
        assert_eq!(
            counted.get(&format!("Counter larder_store_{name}")),
            Some(&vec![sum]),
            "{name}"
        );
    }
    let took = &counted["Histogram larder_store_call_duration_seconds sessions take seconds"];
    assert_eq!(took, &[0.25]);
    let took = &counted["Histogram larder_store_call_duration_seconds sessions set seconds"];
    assert_eq!(took, &[0.0; 4]);
    assert!(
        counted.keys().all(|series| !series.contains("s3cret") && !series.contains("undescribed"))
    );
}

#[tokio::test]
async fn a_store_has_its_own_name_unless_it_is_given_one() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _default = set_default_local_recorder(&recorder);
    let store = Metrics::new().layer(Arc::new(MemoryCache::new()));
    store.clear(&Namespace::new("n").unwrap()).await.unwrap();
    let counted = series(&snapshotter);
    assert!(counted.contains_key("Counter larder_store_calls_total memory clear ok count"));
}
