/**
 * How the reference page looks.
 *
 * @module
 */

/** The style sheet, for light and dark. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1c1e26, #e3e5ea);
  --soft: light-dark(#5c6270, #9aa1b0);
  --paper: light-dark(#ffffff, #14161b);
  --shade: light-dark(#f5f6f8, #1b1e25);
  --line: light-dark(#e3e5ea, #2b2f39);
  --link: light-dark(#2456c8, #8fb0ff);
  --get: light-dark(#1d6fb8, #6cb6f5);
  --post: light-dark(#1f7a44, #67c98d);
  --put: light-dark(#97600a, #e0b061);
  --delete: light-dark(#b23a34, #f08a83);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", Menlo, monospace;
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
body {
  margin: 0; display: grid; grid-template-columns: 17.5rem minmax(0, 1fr);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--paper);
}
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: var(--mono); font-size: 0.875em; }
small { color: var(--soft); font-size: 0.8rem; font-weight: 400; }
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 3rem 1.5rem;
  background: var(--shade); border-right: 1px solid var(--line); font-size: 0.8125rem;
}
nav .brand { margin: 0 0 1.5rem; font-size: 1.125rem; font-weight: 650; }
nav .brand span { color: var(--soft); font-size: 0.8rem; font-weight: 400; }
nav h2 {
  margin: 1.25rem 0 0.25rem; font-size: 0.7rem; letter-spacing: 0.06em; text-transform: uppercase;
}
nav h2 a, nav .brand a { color: inherit; }
nav h2 a { color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a {
  display: block; padding: 0.1rem 0; color: var(--ink); font-family: var(--mono);
  font-size: 0.75rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
nav li b { display: inline-block; width: 3.4em; font-size: 0.65rem; }
b.GET { color: var(--get); }
b.POST { color: var(--post); }
b.PUT { color: var(--put); }
b.DELETE { color: var(--delete); }
main { padding: 3rem clamp(1.25rem, 5vw, 4.5rem) 6rem; max-width: 62rem; }
header { margin-bottom: 3rem; }
h1 { margin: 0 0 1rem; font-size: 2.25rem; line-height: 1.15; letter-spacing: -0.02em; }
header p { max-width: 44rem; color: var(--soft); }
section > h2 { margin: 4rem 0 0.25rem; font-size: 1.5rem; letter-spacing: -0.01em; }
.lead { margin: 0 0 1.5rem; color: var(--soft); }
article { padding: 1.5rem 0 1.75rem; border-top: 1px solid var(--line); }
article h3 {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; margin: 0;
  font-size: 1rem; font-weight: 600;
}
article h3 a { color: inherit; display: inline-flex; gap: 0.75rem; align-items: baseline; }
article h3 b { font-size: 0.8rem; letter-spacing: 0.03em; }
article h3 code { font-size: 1rem; }
article h3 i { color: var(--soft); font-style: normal; }
.scope {
  padding: 0 0.55rem; border: 1px solid var(--line); border-radius: 1rem;
  color: var(--soft); font-size: 0.75rem; font-weight: 400;
}
.summary { margin: 0.5rem 0 0; font-weight: 500; }
article p { margin: 0.5rem 0 0; max-width: 44rem; }
h4 {
  margin: 1.25rem 0 0.35rem; font-size: 0.75rem; letter-spacing: 0.05em;
  text-transform: uppercase; color: var(--soft);
}
h4 small { text-transform: none; letter-spacing: 0; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.4rem 0.75rem 0.4rem 0; text-align: left; vertical-align: top; }
tr + tr > th, tr + tr > td { border-top: 1px solid var(--line); }
th { width: 13rem; font-weight: 500; }
th code { margin-right: 0.35rem; }
td table { margin-top: 0.35rem; padding-left: 0.75rem; border-left: 2px solid var(--line); }
td table th { width: 9.5rem; padding-left: 0.75rem; }
td > span:not(.type) { color: var(--soft); }
.type { color: var(--soft); }
td, dd { overflow-wrap: anywhere; }
td code, dd code, p code { padding: 0.1em 0.3em; border-radius: 4px; background: var(--shade); }
pre {
  margin: 0.75rem 0 0; padding: 0.85rem 1rem; overflow-x: auto; border-radius: 8px;
  background: var(--shade); border: 1px solid var(--line); line-height: 1.5;
}
pre code { padding: 0; background: none; }
.answers {
  display: grid; grid-template-columns: 3rem minmax(0, 1fr); margin: 0; font-size: 0.875rem;
}
.answers dt { padding: 0.35rem 0; font-family: var(--mono); font-weight: 600; }
.answers dd { margin: 0; padding: 0.35rem 0; min-width: 0; }
.answers dd table { margin: 0.25rem 0 0.5rem; }
.good { color: var(--post); }
.same { color: var(--soft); }
.problems { display: flex; flex-wrap: wrap; gap: 0.4rem; max-width: none; font-size: 0.78rem; }
.problems span { padding: 0.05rem 0.55rem; border: 1px solid var(--line); border-radius: 6px;
  color: var(--soft); }
.problems b { font-family: var(--mono); font-weight: 600; color: var(--ink); }
:target { scroll-margin-top: 1rem; }
article:target h3 a { text-decoration: underline; text-underline-offset: 4px; }
@media (max-width: 56rem) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 45vh; border-right: 0;
    border-bottom: 1px solid var(--line); }
  th { width: 9rem; }
}
@media print { nav { display: none; } body { display: block; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`;
