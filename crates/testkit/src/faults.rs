//! stub: to come
