//! The examples that end by themselves do what they say.

use integration_tests::examples;

#[tokio::test]
async fn rate_limit() {
    let said = examples::run("rate_limit", &[]).await;
    let said = said.unwrap_or_else(|error| panic!("{error}"));
    assert!(said.contains("429 Too Many Requests Some("), "{said}");
    assert!(said.contains("three were served, two told to wait"), "{said}");
}
