//! Through the front door: the real program on a folder of its own, as its users meet it.

mod api;
mod commands;
mod documents;
mod gate;
mod process;
mod streams;
mod world;
