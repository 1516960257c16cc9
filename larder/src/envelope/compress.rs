//! zstd for what is long enough, if it helps.

use std::cell::RefCell;

use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe,
};

/// Below this many bytes nothing is compressed: the time costs more than the bytes.
const WORTHWHILE: usize = 1024;

/// Level 1: on records of 1 KiB to 1 MiB, level 3 saved a few percent of the result at most and took up
/// to half as long again.
const LEVEL: i32 = 1;

thread_local! {
    // A context is some 100 KiB and takes longer to make than to compress a short value.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The payload compressed, if that saves at least a tenth.
pub(super) fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() <= WORTHWHILE {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|context| {
        if context.is_none() {
            *context = Compressor::new(LEVEL).ok();
        }
        // Where it does not fit, zstd gives up early.
        let mut compressed = Vec::with_capacity(payload.len() - payload.len() / 10);
        context.as_mut()?.compress_to_buffer(payload, &mut compressed).ok()?;
        Some(compressed)
    })
}

/// The payload as it was, if it is one whole frame that declares exactly this length.
///
/// The caller has seen to it that the length is within the limit. A frame that declares more, or
/// nothing, is refused before a byte of it is expanded, and no more than `length` is ever allocated.
pub(super) fn decompress(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let declared = zstd_safe::get_frame_content_size(compressed).ok()??;
    if declared != length as u64
        || zstd_safe::find_frame_compressed_size(compressed).ok()? != compressed.len()
    {
        return None;
    }
    DECOMPRESSOR.with_borrow_mut(|context| {
        if context.is_none() {
            *context = Decompressor::new().ok();
        }
        let mut payload = Vec::with_capacity(length);
        let written = context.as_mut()?.decompress_to_buffer(compressed, &mut payload).ok()?;
        (written == length).then_some(payload)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_short_or_does_not_shrink_stays() {
        assert_eq!(compress(&[0; 1024]), None);
        assert!(compress(&[0; 1025]).is_some());
        let noise: Vec<u8> = (0..4096).map(|_| rand::random()).collect();
        assert_eq!(compress(&noise), None);
    }

    #[test]
    fn it_comes_back_whole_and_only_at_its_length() {
        let payload = "the same again and again, ".repeat(1000).into_bytes();
        let compressed = compress(&payload).unwrap();
        assert_eq!(decompress(&compressed, payload.len()), Some(payload.clone()));
        assert_eq!(decompress(&compressed, payload.len() + 1), None);
        assert_eq!(decompress(&compressed, payload.len() - 1), None);
        assert_eq!(decompress(&compressed[..compressed.len() - 1], payload.len()), None);
        let twice = [compressed.clone(), compressed].concat();
        assert_eq!(decompress(&twice, 2 * payload.len()), None);
    }

    #[test]
    fn a_frame_without_a_declared_length_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(&[0; 2048]).unwrap();
        encoder.flush().unwrap();
        encoder.write_all(&[0; 2048]).unwrap();
        let streamed = encoder.finish().unwrap();
        assert_eq!(zstd_safe::get_frame_content_size(&streamed).unwrap(), None);
        assert_eq!(decompress(&streamed, 4096), None);
    }
}
