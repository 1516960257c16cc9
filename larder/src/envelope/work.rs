use bytes::{Buf, BufMut, Bytes};

use super::{Mark, Stamp, marks};

/// A mark of work in progress, or that nobody should queue: a stamp, and the tags as they were when the
/// work began. Without tags it is the twelve bytes of the stamp.
pub(crate) fn write_work(stamp: Stamp, tags: &[Mark]) -> Bytes {
    let mut record = Vec::with_capacity(Stamp::BYTES);
    stamp.write_to(&mut record);
    if !tags.is_empty() {
        record.put_u8(tags.len().min(Mark::MAX) as u8);
        marks::write(&tags[..tags.len().min(Mark::MAX)], &mut record);
    }
    record.into()
}

/// The tags behind the stamp. `None` if they cannot be read: then nobody knows whether they hold.
pub(crate) fn read_work(record: &Bytes) -> Option<Vec<Mark>> {
    let mut rest = record.slice(Stamp::BYTES.min(record.len())..);
    let Some(&count) = rest.first() else { return Some(Vec::new()) };
    rest.advance(1);
    let tags = marks::take(count, &mut rest).ok()?;
    rest.is_empty().then_some(tags)
}
