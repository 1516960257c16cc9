//! Fills under way, by themselves.

use std::sync::Arc;

use cache_api::Namespace;

use crate::near::tokens::Tokens;

#[test]
fn a_change_kills_the_fills_under_way_and_no_later_one() {
    let tokens = Tokens::new();
    let key = Namespace::new("n").unwrap().key("k").unwrap();
    let (mut kept, mut dropped) = (0, 0);
    let (early, given_up) = (tokens.begin(&key, 1), tokens.begin(&key, 1));
    tokens.kill(&key, || dropped += 1);
    let (late, other_epoch) = (tokens.begin(&key, 1), tokens.begin(&key, 1));
    assert!(!early.finish(1, || kept += 1));
    assert!(!other_epoch.finish(2, || kept += 1));
    assert!(late.finish(1, || kept += 1));
    assert!(!tokens.is_empty());
    drop(given_up);
    assert!(tokens.is_empty());
    assert_eq!((kept, dropped), (1, 1));
}

#[test]
fn a_key_is_quiet_when_no_fill_and_no_removal_is_under_way() {
    let key = Namespace::new("n").unwrap().key("k").unwrap();
    let tokens = Arc::new(Tokens::new());
    let fill = tokens.begin_alone(&key, 1).unwrap();
    assert!(tokens.begin_alone(&key, 1).is_none() && fill.is_alive());
    let (first, second) = (tokens.block(&key), tokens.block(&key));
    assert!(!fill.is_alive());
    for over in [Box::new(first) as Box<dyn std::any::Any>, Box::new(fill), Box::new(second)] {
        assert!(!tokens.is_quiet(&key) && tokens.begin_alone(&key, 1).is_none());
        drop(over);
    }
    assert!(tokens.is_quiet(&key) && tokens.is_empty());
    assert!(tokens.begin_alone(&key, 1).unwrap().is_alive(), "it began after the changes");
}
