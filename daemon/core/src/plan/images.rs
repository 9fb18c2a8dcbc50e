//! Which images made on the box nothing needs any more.

use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::app::App;
use crate::state::State;

/// Of the images that this box made, those that no release and no way back names. None while anything is under way:
/// what an update leaves behind goes once the update is proven (law L10).
pub fn needless_images(state: &State, made: &BTreeSet<String>) -> BTreeSet<String> {
    let at_rest = |app: &App| app.doing().is_none() && app.previous.is_none();
    if !state.apps().values().all(at_rest) {
        return BTreeSet::new();
    }
    let needed: BTreeSet<&str> = state
        .apps()
        .values()
        .flat_map(App::releases)
        .flat_map(|release| release.images())
        .map(|image| image.reference())
        .collect();
    let needless = made.iter().filter(|name| !needed.contains(name.as_str()));
    needless.cloned().collect()
}
