//! A source that fails for a while, and users who do not notice: values are read through the cache, and
//! what is past its time is served when it cannot be refreshed.
//!
//! `cargo run -p larder --example read_through`, or with a store: `… -- redis://127.0.0.1`.

use std::{
    env, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use larder::{Answer, LoadError, Origin, ReadThrough};
use tokio::time::sleep;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MINUTE: Duration = Duration::from_secs(60);
/// So short that the example ends soon.
const FRESH_FOR: Duration = Duration::from_secs(1);
const BACKOFF: Duration = Duration::from_secs(1);
const A_BIT: Duration = Duration::from_millis(100);

/// Where the prices come from.
#[derive(Debug, Default)]
struct Shop {
    is_down: AtomicBool,
    asked: AtomicU32,
}

impl Shop {
    /// What it costs goes up each time somebody asks.
    async fn price(&self, article: &str) -> io::Result<u32> {
        sleep(Duration::from_millis(10)).await;
        if self.is_down.load(SeqCst) {
            return Err(io::Error::other(format!("no price of {article}: the shop is closed")));
        }
        Ok(100 + self.asked.fetch_add(1, SeqCst))
    }
}

/// What an application keeps. The loader is given once, here.
struct App {
    prices: ReadThrough<String, u32, io::Error>,
}

impl App {
    async fn new(url: &str, shop: Arc<Shop>) -> Result<Self, larder::Error> {
        let space = larder::open(url).await?.namespace("example-prices")?;
        space.clear().await?;
        let prices = space
            .typed()
            .default_ttl(FRESH_FOR)
            // Better an old price than none, for so long.
            .stale_for(10 * MINUTE)
            // Who finds an old one waits so long for a new one.
            .soft_timeout(Duration::from_secs(1))
            // A shop that has failed is left alone for so long, by the whole fleet.
            .backoff(BACKOFF)
            .read_through(move |article: String| {
                let shop = Arc::clone(&shop);
                // The error goes to the log; whoever asked gets it if there is nothing to serve instead.
                async move {
                    let price = shop.price(&article).await;
                    price.inspect_err(|error| println!("  log: {error}"))
                }
            });
        Ok(Self { prices })
    }

    async fn show(&self, article: &str) -> Result<(), LoadError<io::Error>> {
        let Answer { value, origin } = self.prices.get(article.into()).answer().await?;
        let origin = match origin {
            Origin::Loaded => "from the shop",
            Origin::Store => "from the store",
            Origin::Stale => "from the store, and past its time",
            _ => "from elsewhere",
        };
        println!("{article}: {value} ({origin})");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let shop = Arc::<Shop>::default();
    let app = App::new(&url, Arc::clone(&shop)).await?;

    println!("The shop is open.");
    app.show("tea").await?;
    app.show("tea").await?;

    println!("The shop has closed, and the price is past its time.");
    shop.is_down.store(true, SeqCst);
    sleep(FRESH_FOR + A_BIT).await;
    app.show("tea").await?;
    // Nobody asks again so soon.
    app.show("tea").await?;
    // Of this there is no price, old or new: all that is left is the error.
    match app.show("coffee").await {
        Ok(()) => return Err("who said what coffee costs?".into()),
        Err(error) => println!("coffee: {error}"),
    }

    println!("The shop is open again.");
    shop.is_down.store(false, SeqCst);
    sleep(BACKOFF + A_BIT).await;
    app.show("tea").await?;
    app.show("coffee").await?;
    Ok(())
}
