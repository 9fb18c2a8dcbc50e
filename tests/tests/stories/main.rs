//! Three real services on a real engine, through the real executable and HTTPS, as their users would meet them.
//!
//! Their images are made on the box from Debian's and PyPI's packages: no image registry is involved.

mod calendar;
mod evening;
mod life;
mod map;
mod pace;
mod saved;
mod shelf;
mod terminal;
mod weblog;
