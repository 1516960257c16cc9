//! Typed values: written, read, guarded, counted.
//!
//! `cargo run -p larder --example typed`, or with a store: `… -- redis://127.0.0.1`.

use std::{env, time::Duration};

use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Serialize, Deserialize)]
struct User {
    name: String,
    team: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), larder::Error> {
    let url = env::args().nth(1).unwrap_or_else(|| "memory:?max=64MiB".into());
    let larder = larder::open(url).await?;
    let users = larder.namespace("users")?.typed::<User>().default_ttl(HOUR);

    let ada = User { name: "Ada".into(), team: Some("engines".into()) };
    users.set(42, &ada).await?;
    println!("42 is {:?}, for {:?} more", users.get("42").await?, users.ttl(42).await?);

    // Of several servers that try, one sends the newsletter.
    let sent = larder.namespace("newsletter")?.typed::<String>();
    for server in ["a", "b"] {
        let mine = sent.set("2024-05", &server.to_owned()).ttl(HOUR).if_absent().await?;
        println!("server {server} {}", if mine { "sends it" } else { "leaves it" });
    }

    // A tuple is a key, and so is an option: no two of them share one.
    let prices = larder.namespace("prices")?.typed::<u32>();
    prices.set_many([(("tea", Some(2)), &350), (("tea", None), &300)]).ttl(HOUR).await?;
    println!("prices: {:?}", prices.get_many([("tea", None), ("tea", Some(2))]).await?);

    let visits = larder.namespace("visits")?.raw();
    println!("visit number {}", visits.increment("/", 1, HOUR).await?);

    users.delete(42).await?;
    println!("{:#?}", larder.stats());
    Ok(())
}
