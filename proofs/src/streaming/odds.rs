//! Everything is asked for at random, while everything fails at random.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use integration_tests::servers::RedisServer;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, timeout};

use super::{
    client::Ask,
    plan::{End, Plan},
    serve::Layout,
    stage::Stage,
    tally::Tally,
};
use crate::{Report, Result, Run, Scale};

/// Clients at a time.
const CLIENTS: u64 = 24;
/// How many resources there are.
const PLANS: u64 = 48;
/// No case takes longer, however many answers it has by then.
const LONGEST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));

/// What the clients share.
#[derive(Debug)]
struct Crowd {
    servers: RwLock<[SocketAddr; 2]>,
    plans: Vec<Plan>,
    left: AtomicU64,
    tally: Mutex<Tally>,
}

pub(super) async fn run(run: &Run, report: &mut Report) -> Result<()> {
    // Each on servers and a store that are new.
    for (round, answers) in run.of(&[2_000][..], &[20_000; 5][..]).iter().enumerate() {
        trial(&seeded(run, round), Layout::Larder, *answers, report).await?;
    }
    if run.scale == Scale::Full {
        trial(run, Layout::Tiered, 20_000, report).await?;
    }
    let (tally, faults) = play(run, Layout::Naive, run.of(1_000, 5_000)).await?;
    let what = format!("control, key:chunk:n, {} answers under the same", tally.all());
    report.row(what, "> 0 clean and wrong", format!("{tally}; {faults} faults"), tally.wrong > 0);
    Ok(())
}

fn seeded(run: &Run, round: usize) -> Run {
    Run { seed: run.seed.wrapping_add(round as u64), ..run.clone() }
}

async fn trial(run: &Run, layout: Layout, answers: u64, report: &mut Report) -> Result<()> {
    let (tally, faults) = play(run, layout, answers).await?;
    if let Some(example) = &tally.example {
        println!("{example}");
    }
    // Or nothing was tried.
    let is_enough = tally.all() >= answers / 2
        && tally.right > tally.all() / 2
        && tally.hits > tally.all() / 20
        && tally.followed > 0
        && tally.failed > 0;
    let what = format!("{layout:?}, {} answers under random faults", tally.all());
    let asked = format!("≈ {answers}, 0 clean and wrong");
    let seen =
        format!("{tally}; {} hits, {} followed, {faults} faults", tally.hits, tally.followed);
    report.row(what, asked, seen, tally.is_honest() && is_enough);
    Ok(())
}

async fn play(run: &Run, layout: Layout, answers: u64) -> Result<(Tally, u64)> {
    // It is too small for all of them.
    let redis = RedisServer::builder()
        .config("maxmemory 8mb")
        .config("maxmemory-policy allkeys-random")
        .start()
        .await?;
    let mut stage = Stage::two(run, layout, redis).await?;
    let mut rng = StdRng::seed_from_u64(run.seed);
    let crowd = Arc::new(Crowd {
        servers: RwLock::new([stage.a(), stage.b()]),
        plans: (0..PLANS).map(|index| some_plan(index, &mut rng)).collect(),
        left: AtomicU64::new(answers),
        tally: Mutex::default(),
    });
    let clients = (0..CLIENTS).map(|_| {
        let rng = StdRng::seed_from_u64(rng.random());
        tokio::spawn(Arc::clone(&crowd).client(rng))
    });
    let clients: Vec<_> = clients.collect();
    let (mut faults, until) = (0, Instant::now() + run.of(LONGEST.0, LONGEST.1));
    while crowd.left.load(SeqCst) > 0 && Instant::now() < until {
        sleep(Duration::from_millis(rng.random_range(10..120))).await;
        crowd.strike(&mut stage, &mut rng).await?;
        faults += 1;
    }
    crowd.left.store(0, SeqCst);
    for client in clients {
        // Each of its waits has an end.
        timeout(Duration::from_secs(60), client).await??;
    }
    let tally = std::mem::take(&mut *crowd.tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((tally, faults))
}

/// Small ones and large ones, slow ones and fast ones.
fn some_plan(index: u64, rng: &mut StdRng) -> Plan {
    let size = match rng.random_range(0..4) {
        0 => rng.random_range(10..2_000),
        1 => rng.random_range(2_000..20_000),
        2 => rng.random_range(20_000..200_000),
        _ => rng.random_range(200_000..500_000),
    };
    let time = Duration::from_millis(rng.random_range(0..200));
    Plan::new(format!("odds-{index}"), size, End::Odds).over(rng.random_range(1..8), time)
}

impl Crowd {
    async fn client(self: Arc<Self>, mut rng: StdRng) {
        let take = || self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        while take() {
            // The first ones are asked for more often.
            let index = rng.random_range(0..PLANS).min(rng.random_range(0..PLANS));
            let plan = &self.plans[index as usize];
            let servers = *self.servers.read().unwrap_or_else(PoisonError::into_inner);
            let ask = Ask::get(servers[rng.random_range(0..2)], plan);
            let seen = match rng.random_range(0..20) {
                0 => ask.method("HEAD").whole().await,
                1 | 2 => {
                    let from = rng.random_range(0..plan.size);
                    let until = rng.random_range(from..=plan.size);
                    ask.range(from, until).whole().await
                }
                3 => match ask.open().await {
                    // Goes before the end. Nothing is to be said of it.
                    Ok(mut opened) => {
                        let length = rng.random_range(0..plan.size);
                        opened.until(length as usize).await;
                        continue;
                    }
                    Err(seen) => seen,
                },
                4 => match ask.open().await {
                    // Slow.
                    Ok(mut opened) => {
                        opened.until(plan.size as usize / 3).await;
                        sleep(Duration::from_millis(rng.random_range(0..400))).await;
                        opened.rest().await
                    }
                    Err(seen) => seen,
                },
                _ => ask.whole().await,
            };
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(&seen);
            if seen.status == 0 {
                // A server that is being replaced refuses at once.
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn strike(&self, stage: &mut Stage, rng: &mut StdRng) -> Result<()> {
        let some = Duration::from_millis(rng.random_range(20..600));
        match rng.random_range(0..16) {
            0 => {
                stage.redis()?.kill()?;
                sleep(some).await;
                stage.redis()?.restart().await?;
            }
            1 | 2 => {
                stage.redis()?.stop()?;
                sleep(some).await;
                stage.redis()?.cont()?;
            }
            3 | 4 => stage.cut(),
            5 | 6 => {
                let index = rng.random_range(0..2);
                stage.freeze(index, true)?;
                sleep(some).await;
                stage.freeze(index, false)?;
            }
            7 => {
                stage.replace(rng.random_range(0..2)).await?;
                let servers = [stage.a(), stage.b()];
                *self.servers.write().unwrap_or_else(PoisonError::into_inner) = servers;
            }
            8..12 => {
                // Something has changed: what was stored is invalidated.
                let plan = &self.plans[rng.random_range(0..PLANS) as usize];
                let ask = if rng.random() { stage.on_a(plan) } else { stage.on_b(plan) };
                ask.method("POST").whole().await;
            }
            _ => {
                let odds = rng.random_range(0.05..0.5);
                stage.evict(rng, odds).await?;
            }
        }
        Ok(())
    }
}
