/// Why something that was found cannot be used. To whoever asked, it is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Damage {
    /// No record of ours, or one of a format or kind that this version does not know.
    Foreign,
    /// Cut short or changed.
    Corrupt,
    /// Longer than the limit, or declares to become so.
    OverLimit,
    /// Whole, but of a codec, compression, encryption or schema that this handle does not read.
    Unsupported,
    /// Whole, but it does not decode into the type.
    Undecodable,
}
