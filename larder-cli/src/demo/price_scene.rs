//! The scene of the price: two servers, one key, one load, then an invalidation on A that B hears of.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{
    buyer::{Buyer, BuyerError, Quote},
    origin::Origin,
    prices::BOUND,
    scene::Row,
    summary::shown,
};
use crate::output::{Fields, exact_millis};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// So often the scene is begun at most: a store that is too slow for anything to be kept is no mistake, and
/// shows nothing.
const TRIES: usize = 5;

/// How many reads at least must all give the new price.
const READS: usize = 20;

/// The price before and after.
const OLD: u64 = 100;
const NEW: u64 = 120;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct PriceScene {
    /// Both servers are asked at the same time, and nothing is there.
    first_reads: Step,
    /// B is asked again, and has it in its memory.
    near_hit: Step,
    /// The price changes, and A is told to invalidate it: until B has given the new one.
    change: Step,
    /// From when A was told until B did not give the old one any more.
    heard: Duration,
    reads_on_a: usize,
    stale_on_a: usize,
    stale_on_b: usize,
    mistakes: Vec<String>,
}

#[derive(Debug, Default)]
struct Step {
    took: Duration,
    origin_calls: u64,
}

/// What it plays on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceStage<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) a: SocketAddr,
    pub(crate) b: SocketAddr,
}

/// Why the scene was broken off.
enum Cut {
    /// Something was loaded without the store.
    TooSlow,
    Failed(String),
}

impl From<BuyerError> for Cut {
    fn from(error: BuyerError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl PriceScene {
    pub(crate) async fn play(stage: PriceStage<'_>) -> Self {
        for attempt in 1..=TRIES {
            let mut scene = Self::default();
            match scene.act(stage, &format!("tea-{attempt}")).await {
                Ok(()) => return scene,
                Err(Cut::TooSlow) => {}
                Err(Cut::Failed(how)) => return Self { mistakes: vec![how], ..scene },
            }
        }
        let mistakes = vec![format!("the store was too slow, {TRIES} times")];
        Self { mistakes, ..Self::default() }
    }

    async fn act(&mut self, stage: PriceStage<'_>, good: &str) -> Result<(), Cut> {
        let buyer = Buyer::of(good.to_owned());
        let calls = || stage.origin.calls(&format!("prices/{good}"));
        stage.origin.set_price(good, OLD);

        let begin = Instant::now();
        let (a, b) = tokio::try_join!(buyer.ask(stage.a), buyer.ask(stage.b))?;
        self.first_reads = Step { took: begin.elapsed(), origin_calls: calls() };
        kept([&a, &b])?;
        self.expect(calls() == 1, "the first reads made more than one load");
        self.expect(a.price == OLD && b.price == OLD, "a first read gave no price of the origin");

        let near = |server| until(&buyer, server, Quote::is_near);
        let (a, b) = tokio::try_join!(near(stage.a), near(stage.b))?;
        let more = calls() - self.first_reads.origin_calls;
        self.near_hit = Step { took: b.took, origin_calls: more };
        self.expect(more == 0, "a second read asked the origin");
        self.expect(a.price == OLD && b.price == OLD, "a copy was not what was loaded");

        stage.origin.set_price(good, NEW);
        let before = calls();
        self.change(stage, &buyer).await?;
        self.change.origin_calls = calls() - before;
        self.expect(calls() - before == 1, "the new price was not loaded once");
        Ok(())
    }

    /// A invalidates, and is asked from then on; B is asked all the while.
    async fn change(&mut self, stage: PriceStage<'_>, buyer: &Buyer) -> Result<(), Cut> {
        let (reading, over) = (Notify::new(), AtomicBool::new(false));
        let on_b = async {
            let mut old = Vec::new();
            let is_new = |quote: &Quote| {
                if quote.price == OLD {
                    old.push(quote.asked);
                    reading.notify_one();
                }
                quote.price == NEW
            };
            let new = until(buyer, stage.b, is_new).await;
            over.store(true, Ordering::Relaxed);
            // If it never gave the old one, A must not wait for that.
            reading.notify_one();
            let mut quotes = vec![new?];
            while quotes.len() < READS {
                quotes.push(buyer.ask(stage.b).await?);
            }
            Ok::<_, Cut>((old, quotes))
        };
        let on_a = async {
            // B gives the old price, again and again.
            reading.notified().await;
            let told = Instant::now();
            let returned = buyer.invalidate(stage.a).await?;
            let mut quotes = Vec::new();
            while quotes.len() < READS || !over.load(Ordering::Relaxed) {
                quotes.push(buyer.ask(stage.a).await?);
            }
            Ok::<_, Cut>((told, returned, quotes))
        };
        let ((old_on_b, on_b), (told, returned, on_a)) = tokio::try_join!(on_b, on_a)?;
        kept(on_a.iter().chain(&on_b))?;

        let since = |moment: Instant, from| moment.saturating_duration_since(from);
        self.heard = since(on_b[0].asked, told);
        self.change.took = self.heard + on_b[0].took;
        self.reads_on_a = on_a.len();
        self.stale_on_a = on_a.iter().filter(|quote| quote.price != NEW).count();
        self.stale_on_b = old_on_b.iter().filter(|asked| **asked > returned).count();
        self.expect(self.stale_on_a == 0, "A gave the old price after it had invalidated it");
        // What was asked for later, and not what was noticed later: we may have been paused.
        let is_late = |asked: &Instant| since(*asked, returned) > BOUND;
        self.expect(!old_on_b.iter().any(is_late), "B gave the old price for too long");
        self.expect(on_b.iter().all(|quote| quote.price == NEW), "B went back to the old price");
        Ok(())
    }

    fn expect(&mut self, is_so: bool, mistake: &str) {
        if !is_so {
            self.mistakes.push(mistake.to_owned());
        }
    }

    pub(crate) fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    pub(crate) fn rows(&self) -> [Row; 3] {
        let row = |what, step: &Step, got: &str| Row {
            what,
            first_byte: None,
            total: step.took,
            origin_calls: step.origin_calls,
            got: got.to_owned(),
            is_right: self.mistakes.is_empty(),
        };
        [
            row("A and B ask for one price", &self.first_reads, "one load"),
            row("B again: from its memory", &self.near_hit, "a copy"),
            row("it changes, A invalidates", &self.change, "new on B"),
        ]
    }

    /// In a sentence, for people.
    pub(crate) fn told(&self) -> String {
        let (after, bound) = (shown(self.heard), BOUND.as_secs());
        let old = match self.stale_on_a {
            0 => "none".to_owned(),
            old => old.to_string(),
        };
        format!(
            "A was told that the price had changed, and {after} later B gave the old one no more \
             (promised: within {bound} s). Of {} reads on A after that, {old} gave it.",
            self.reads_on_a
        )
    }

    pub(crate) fn fields(&self) -> Fields {
        Fields::new()
            .put("first_reads_ms", exact_millis(self.first_reads.took))
            .put("first_reads_origin_calls", self.first_reads.origin_calls)
            .put("near_hit_ms", exact_millis(self.near_hit.took))
            .put("near_hit_origin_calls", self.near_hit.origin_calls)
            .put("invalidation_heard_ms", exact_millis(self.heard))
            .put("invalidation_served_ms", exact_millis(self.change.took))
            .put("invalidation_bound_ms", exact_millis(BOUND))
            .put("invalidation_origin_calls", self.change.origin_calls)
            .put("reads_on_a", self.reads_on_a)
            .put("stale_reads_on_a", self.stale_on_a)
            .put("stale_reads_on_b", self.stale_on_b)
            .put("mistakes", self.mistakes.clone())
    }
}

/// Asks a server until its answer is one of those.
async fn until(
    buyer: &Buyer,
    server: SocketAddr,
    mut is_it: impl FnMut(&Quote) -> bool,
) -> Result<Quote, Cut> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let quote = buyer.ask(server).await?;
        if is_it(&quote) {
            return Ok(quote);
        }
    }
    Err(Cut::Failed(format!("no such answer came within {PATIENCE:?}")))
}

/// Whether the store had part in all of these.
fn kept<'a>(quotes: impl IntoIterator<Item = &'a Quote>) -> Result<(), Cut> {
    if quotes.into_iter().any(Quote::is_uncached) { Err(Cut::TooSlow) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
