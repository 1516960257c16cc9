//! Whether anybody waited longer than he should.

use std::collections::HashMap;

use super::log::{History, Moment, Stretch};

/// How long calls waited that their own server did not spend loading, beyond the bound.
///
/// A call may wait for loads of its own server (they have a bound of their own), and for those of others
/// only so long.
pub(super) fn impatient(history: &History, bound: Moment) -> Vec<(Stretch, Moment)> {
    let mut loads = HashMap::<_, Vec<(Moment, Moment)>>::new();
    for Stretch { server, keys, begun, ended } in &history.spans {
        for key in keys {
            loads.entry((*server, *key)).or_default().push((*begun, *ended));
        }
    }
    let longest = history.spans.iter().map(|span| span.ended - span.begun).max().unwrap_or(0);
    loads.values_mut().for_each(|loads| loads.sort_unstable());
    let waited = |op: &Stretch| {
        let loading = op.keys.iter().map(|key| {
            let loads = loads.get(&(op.server, *key)).map_or(&[][..], Vec::as_slice);
            // No load that began earlier than this is still going on.
            let first = loads.partition_point(|(begun, _)| begun + longest < op.begun);
            let during = loads[first..].iter().take_while(|(begun, _)| *begun < op.ended);
            let clipped = during.map(|(begun, ended)| {
                (*ended).min(op.ended).saturating_sub((*begun).max(op.begun))
            });
            clipped.sum::<Moment>()
        });
        (op.ended - op.begun).saturating_sub(loading.sum())
    };
    let judged = history.ops.iter().map(|op| (op, waited(op)));
    judged.filter(|(_, waited)| *waited > bound).map(|(op, waited)| (op.clone(), waited)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(server: usize, key: u16, begun: Moment, ended: Moment) -> Stretch {
        Stretch { server, keys: vec![key], begun, ended }
    }

    #[test]
    fn who_waits_for_others_is_bound_and_who_loads_is_not() {
        let history = History {
            ops: vec![stretch(0, 1, 0, 100), stretch(1, 1, 0, 100), stretch(1, 1, 0, 10)],
            spans: vec![stretch(0, 1, 5, 99), stretch(0, 2, 0, 100)],
            ..History::default()
        };
        assert_eq!(impatient(&history, 20), [(stretch(1, 1, 0, 100), 100)]);
    }
}
