//! The program, from outside: what it prints, what it says, how it exits.

#[macro_use]
mod common;

mod conform;
mod demo;
mod explain;
mod interop;
mod invalidate;
mod mistakes;
mod stats;
mod streams;
mod values;
