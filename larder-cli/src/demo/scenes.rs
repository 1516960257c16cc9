//! The scenes, in order.

use std::{net::SocketAddr, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    client::{Answer, Client},
    origin::{FRAGILE, PAUSE, THINKING},
    price_scene::{PriceScene, PriceStage},
    report::{self, Format, PIECES},
    scene::{End, Expected, Scene},
    stage::Stage,
};
use crate::output::{Output, spinner};

/// How long something may take that takes a few seconds at most.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the end of a recording may take to be known to the other server.
const SETTLING: Duration = Duration::from_millis(200);

/// Everything that was played.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) scenes: Vec<Scene>,
    pub(crate) price: PriceScene,
    /// How long the origin takes on its own.
    pub(crate) origin_takes: Duration,
}

const ASKS_ONCE: Expected = Expected { end: End::Whole, origin_calls: 1, within: None };
const ASKS_NOBODY: Expected = Expected { end: End::Whole, origin_calls: 0, within: None };

/// The origin cannot have been waited for by one who was faster than this.
const fn a_hit() -> Expected {
    let pauses = PAUSE.saturating_mul(PIECES as u32 / 2);
    Expected { within: Some(THINKING.saturating_add(pauses)), ..ASKS_NOBODY }
}

impl Play {
    /// Plays all of them.
    pub(crate) async fn run(stage: &Stage, output: Output) -> Self {
        let spinner = spinner(output);
        let mut play =
            Self { scenes: Vec::new(), price: PriceScene::default(), origin_takes: Duration::ZERO };
        spinner.set_message("A asks the origin, B follows while A still streams …");
        play.miss_and_follower(stage).await;
        spinner.set_message("B again …");
        play.hit(stage).await;
        spinner.set_message("the same report as JSON …");
        play.variant(stage).await;
        spinner.set_message("a client leaves half way …");
        play.client_leaves(stage).await;
        spinner.set_message("an origin dies half way …");
        play.origin_dies(stage).await;
        spinner.set_message("a price changes …");
        let Stage { origin, a, b, .. } = stage;
        play.price = PriceScene::play(PriceStage { origin, a: *a, b: *b }).await;
        spinner.finish_and_clear();
        play
    }

    /// Whether every answer and every count was right.
    pub(crate) fn is_as_it_should_be(&self) -> bool {
        self.mistakes().next().is_none()
    }

    /// What was not as it should be, and where.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let of_reports = self
            .scenes
            .iter()
            .flat_map(|scene| scene.mistakes.iter().map(|mistake| (scene.what, mistake.as_str())));
        of_reports
            .chain(self.price.mistakes().iter().map(|mistake| ("the price", mistake.as_str())))
    }

    async fn miss_and_follower(&mut self, stage: &Stage) {
        let direct = Client::new(stage.origin.address(), "direct", Format::Csv);
        let first = Client::new(stage.a, "sales", Format::Csv);
        let follower = Client::new(stage.b, "sales", Format::Csv);
        let mut progress = first.progress.subscribe();
        let third = report::whole("sales", Format::Csv).len() / 3;
        let follow = async {
            let begun = progress.wait_for(|&bytes| bytes > third);
            let begun = timeout(PATIENCE, begun).await.is_ok_and(|begun| begun.is_ok());
            let answer = follower.ask().await;
            (begun, answer, stage.origin.calls("sales"))
        };
        let (direct_answer, answer, (begun, followed, calls)) =
            tokio::join!(direct.ask(), first.ask(), follow);
        self.origin_takes = direct_answer.total;

        self.add("the origin, without cache", "–", &direct, &direct_answer, 1, ASKS_ONCE);
        self.add("A misses, asks the origin", "A", &first, &answer, calls.min(1), ASKS_ONCE);
        let more = calls.saturating_sub(1);
        // What is left of it when the follower comes takes two thirds of the time: it must not begin
        // at the end.
        self.add("B follows while A streams", "B", &follower, &followed, more, ASKS_NOBODY);
        let late = followed.first_byte.is_none_or(|first_byte| first_byte >= a_third(answer.total));
        if let Some(scene) = self.scenes.last_mut() {
            if !begun {
                scene.mistakes.push("A had no third of the report to follow".to_owned());
            } else if late {
                scene.mistakes.push("the first byte came when A was done".to_owned());
            }
        }
    }

    async fn hit(&mut self, stage: &Stage) {
        self.play(stage, "B again: a hit", "B", "sales", Format::Csv, a_hit()).await;
    }

    async fn variant(&mut self, stage: &Stage) {
        let (csv, json) = (Format::Csv, Format::Json);
        self.play(stage, "A as JSON: another variant", "A", "sales", json, ASKS_ONCE).await;
        self.play(stage, "B as JSON: a hit", "B", "sales", json, a_hit()).await;
        self.play(stage, "A as CSV: still a hit", "A", "sales", csv, a_hit()).await;
    }

    async fn client_leaves(&mut self, stage: &Stage) {
        let name = "impatient";
        let mut finished = stage.origin.finished();
        finished.mark_unchanged();
        let mut client = Client::new(stage.a, name, Format::Csv);
        client.leaves_after = Some(report::whole(name, Format::Csv).len() / 2);
        let answer = client.ask().await;
        // The server goes on without its client. If it does not, this ends by time, and the next
        // client's scene tells.
        let _ = timeout(THINKING + PAUSE * PIECES as u32 * 2, finished.changed()).await;
        let calls = stage.origin.calls(name);
        let expected = Expected { end: End::Leaves, ..ASKS_ONCE };
        self.add("A's client leaves half way", "A", &client, &answer, calls, expected);
        self.play(stage, "B has all of it: a hit", "B", name, Format::Csv, a_hit()).await;
    }

    async fn origin_dies(&mut self, stage: &Stage) {
        let breaks = Expected { end: End::Breaks, ..ASKS_ONCE };
        self.play(stage, "A's origin dies half way", "A", FRAGILE, Format::Csv, breaks).await;
        // The client hears of it before the store does: until then, others follow the dying recording.
        sleep(SETTLING).await;
        self.play(stage, "B asks anew: nothing kept", "B", FRAGILE, Format::Csv, ASKS_ONCE).await;
    }

    /// One client, one row.
    async fn play(
        &mut self,
        stage: &Stage,
        what: &'static str,
        server: &'static str,
        name: &str,
        format: Format,
        expected: Expected,
    ) {
        let address: SocketAddr = if server == "A" { stage.a } else { stage.b };
        let before = stage.origin.calls(name);
        let client = Client::new(address, name, format);
        let answer = client.ask().await;
        let calls = stage.origin.calls(name) - before;
        self.add(what, server, &client, &answer, calls, expected);
    }

    fn add(
        &mut self,
        what: &'static str,
        server: &'static str,
        client: &Client,
        answer: &Answer,
        origin_calls: u64,
        expected: Expected,
    ) {
        let asked = (client.name.as_str(), client.format);
        self.scenes.push(Scene::judge(what, server, asked, answer, origin_calls, expected));
    }
}

fn a_third(time: Duration) -> Duration {
    time / 3
}
