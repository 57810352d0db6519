/**
 * Stands in for the native binding `libsql` in bundles for runtimes without files: the `imports`
 * of package.json put it there.
 *
 * @module
 */
export {};
