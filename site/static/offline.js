// Opened from a folder, a page may not read other pages: the search shows its results without excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
