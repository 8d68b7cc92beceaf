"""Static files under hashed names, so a browser may keep each for ever.

ES modules name one another by relative paths; Django rewrites those `import` lines to the hashed names when
`support_js_module_import_aggregation` is set.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    max_post_process_passes = 20  # a hash changes with those of what it imports: one pass a floor of imports
