//! Options, tuples and references.

use std::{rc::Rc, sync::Arc};

use super::{KeyWriter, ToKey};

impl<T: ToKey> ToKey for Option<T> {
    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            None => key.mark(b'-'),
            Some(value) => {
                key.mark(b'+');
                value.write_key(key);
            }
        }
    }
}

macro_rules! pointers {
    ($($type:ty),*) => {$(
        impl<T: ToKey + ?Sized> ToKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                (**self).write_key(key);
            }
        }
    )*};
}
pointers!(&T, &mut T, Box<T>, Arc<T>, Rc<T>);

impl ToKey for () {
    fn write_key(&self, key: &mut KeyWriter) {
        key.mark(b'.');
    }
}

macro_rules! tuples {
    ($(($first:ident $($rest:ident)*))*) => {$(
        impl<$first: ToKey, $($rest: ToKey),*> ToKey for ($first, $($rest,)*) {
            #[expect(non_snake_case, reason = "each field is named like its type")]
            fn write_key(&self, key: &mut KeyWriter) {
                let ($first, $($rest,)*) = self;
                key.open();
                $first.write_key(key);
                $(
                    key.separate();
                    $rest.write_key(key);
                )*
                key.close();
            }
        }
    )*};
}
tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}
