//! A slow report, asked for three times: while nobody has it, while it is being made, and afterwards.
//!
//! `cargo run -p larder --example streams`, or shared between processes: `… -- redis://127.0.0.1`.

use std::{
    convert::Infallible,
    env,
    error::Error,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use larder::{
    prelude::*,
    stream::{Reader, Streams},
};

/// What comes before the body: here its media type.
type Head = String;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let larder = larder::open(url).await?;
    let reports: Streams<Head> = larder.namespace("reports")?.streams();
    let begin = Instant::now();

    let first = ask(&reports).await?;
    let second = ask(&reports).await?;
    println!("the first is live: {}, so is the second: {}", first.is_live(), second.is_live());
    tokio::try_join!(read("first", first, begin), read("second", second, begin))?;

    let third = ask(&reports).await?;
    println!("the third is live: {}", third.is_live());
    read("third", third, begin).await?;

    if let Some(part) = reports.open_range("2024.csv", 4..12).await? {
        println!("bytes 4 to 12: {:?}", part.collect().await?);
    }
    Ok(())
}

async fn ask(reports: &Streams<Head>) -> Result<Reader<Head>, Box<dyn Error>> {
    let reader = reports.get_or_record("2024.csv", source).ttl(Duration::from_secs(5)).await?;
    Ok(reader)
}

/// A source: the head, then the body piece by piece. Called once for all who ask.
async fn source()
-> Result<(Head, impl stream::Stream<Item = Result<Bytes, Infallible>>), Infallible> {
    println!("(the source is asked)");
    let rows = stream::iter(1..=5).then(|row| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Bytes::from(format!("row,{row}\n")))
    });
    Ok(("text/csv".to_owned(), rows))
}

async fn read(who: &str, mut reader: Reader<Head>, begin: Instant) -> Result<(), Box<dyn Error>> {
    while let Some(piece) = reader.next().await {
        println!("{:4} ms  {who:6}  {:?}", begin.elapsed().as_millis(), piece?);
    }
    Ok(())
}
