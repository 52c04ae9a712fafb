import '../styles/plots.css';

/** The colour of a line of a chart, beside its name. */
export function Swatch({ colour }: { /** The token of it. */ colour: string }) {
  return <span className="swatch" style={{ background: `var(${colour})` }} />;
}
