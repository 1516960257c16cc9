//! The signals that end a server.

use std::process;

/// Ready at the first SIGTERM or SIGINT. The second ends the process, whatever it is doing.
#[cfg(unix)]
pub(super) fn first() -> impl Future<Output = ()> + Send {
    use tokio::{
        signal::unix::{SignalKind, signal},
        sync::oneshot,
    };

    let (tell, told) = oneshot::channel();
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    tokio::spawn(async move {
        // Without handlers the signals do what they always do.
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            return std::future::pending().await;
        };
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        let _ = tell.send(());
        next().await;
        process::exit(130);
    });
    async {
        let _ = told.await;
    }
}

#[cfg(not(unix))]
pub(super) async fn first() {
    // Without a handler it does what it always does.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::spawn(async {
        let _ = tokio::signal::ctrl_c().await;
        process::exit(130);
    });
}
