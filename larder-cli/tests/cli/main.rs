//! The program, from outside: what it prints, what it says, how it exits.

#[macro_use]
mod common;

mod conform;
mod demo;
mod interop;
mod mistakes;
mod streams;
mod values;
