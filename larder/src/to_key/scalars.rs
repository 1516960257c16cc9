//! Values that are their own text.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bytes::Bytes;
use uuid::Uuid;

use super::{KeyWriter, ToKey};

macro_rules! bytes {
    ($($type:ty),*) => {$(
        impl ToKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                key.text(self.as_ref());
            }
        }
    )*};
}
bytes!(str, String, [u8], Vec<u8>, Bytes);

impl<const N: usize> ToKey for [u8; N] {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self);
    }
}

impl<T: ToKey + ToOwned + ?Sized> ToKey for Cow<'_, T> {
    fn write_key(&self, key: &mut KeyWriter) {
        (**self).write_key(key);
    }
}

impl ToKey for char {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl ToKey for bool {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(if *self { b"true" } else { b"false" });
    }
}

impl ToKey for Uuid {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl ToKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                // Every one of these types fits, signed or not.
                decimal(key, (*self as i128) < 0, self.abs_diff(0) as u64);
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

fn decimal(key: &mut KeyWriter, negative: bool, mut rest: u64) {
    let mut text = [b'-'; 21];
    let mut begin = text.len();
    loop {
        begin -= 1;
        text[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    key.text(&text[begin - usize::from(negative)..]);
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl ToKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                key.display(self);
            }
        }
    )*};
}
displayed!(IpAddr, Ipv4Addr, Ipv6Addr, u128, i128);
