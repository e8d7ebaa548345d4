//! The storefront as a browser meets it: requests against the router of a shop in a box.
//! It does not know a browser; what scripts do is tested where there is one.
