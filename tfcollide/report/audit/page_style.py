"""How the report of an audit looks: on a telephone, on a desk, on paper."""

__all__ = ["STYLE"]

STYLE = """
:root { --ink: #1c2329; --soft: #56626c; --line: #d8dee3; --band: #f3f6f8; --mark: #1b4f72; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: white; font: 16px/1.55 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.25rem; margin: 44px 0 10px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 24px 0 6px; }
p, li { max-width: 46em; }
a { color: var(--mark); }
.under { color: var(--soft); margin: 0 0 18px; }
.verdict { border-left: 6px solid var(--mark); background: var(--band); padding: 16px 20px; margin: 18px 0;
  font-size: 1.14rem; }
.verdict.open { border-left-color: #b3541e; }
.verdict p { margin: 0; max-width: 60em; }
.verdict p + p { margin-top: 8px; font-size: 0.95rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin: 18px 0; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.2; }
.tile span { color: var(--soft); font-size: 0.88rem; display: block; }
.charts { display: flex; flex-wrap: wrap; gap: 26px 30px; align-items: flex-start; }
.chart { margin: 0; flex: 1 1 440px; min-width: 0; max-width: 540px; }
.stack { flex: 1 1 440px; min-width: 0; max-width: 540px; display: grid; gap: 22px; }
.chart.wide { flex-basis: 100%; max-width: 100%; overflow-x: auto; }
.chart svg { display: block; width: 100%; height: auto; }
.chart.wide svg { min-width: 560px; }
figcaption { color: var(--soft); font-size: 0.88rem; margin-top: 6px; max-width: 44em; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 20px; margin-top: 12px; }
.pair { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: 12px; break-inside: avoid; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; text-align: center; }
.three img { width: 100%; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.three span { font-size: 0.8rem; line-height: 1.3; color: var(--soft); display: block; margin-top: 4px;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.88rem; margin: 10px 0; }
th, td { white-space: nowrap; text-align: left; vertical-align: top; padding: 5px 12px 5px 0;
  border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; }
code, pre { font: 0.88em/1.45 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; }
pre { background: var(--band); padding: 12px 14px; overflow-x: auto; }
table.loose td { white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 520px) {
  main { padding: 16px 14px 40px; }
  h1 { font-size: 1.4rem; }
  .verdict { padding: 12px 14px; font-size: 1.05rem; }
  .chart, .stack { flex-basis: 100%; }
}
@media print {
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  .chart, .tile, .verdict { break-inside: avoid; }
  .stack { flex: 1 1 440px; min-width: 0; max-width: 540px; display: grid; gap: 22px; }
.chart.wide { overflow: visible; } .chart.wide svg { min-width: 0; }
}
"""
