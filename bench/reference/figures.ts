/** What was measured, beside what it is compared with. */
export interface Figure {
  what: string;
  /** Milliseconds. */
  figure: number;
  reference: number;
  /** What the reference is. */
  against: string;
  /** The highest ratio that is wanted. */
  goal: number;
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Prints a table in Markdown; what was not measured is left out. */
export function printFigures(figures: readonly Figure[]): void {
  console.log('| measure | figure | reference | ratio | goal |');
  console.log('| --- | ---: | --- | ---: | --- |');
  for (const { what, figure, reference, against, goal } of figures) {
    const ratio = figure / reference;
    if (Number.isNaN(ratio)) continue;
    const seconds = (time: number) => `${(time / 1000).toFixed(2)} s`;
    const verdict = ratio <= goal ? 'met' : 'MISSED';
    console.log(
      `| ${what} | ${seconds(figure)} | ${seconds(reference)} (${against}) | ${ratio.toFixed(2)} | ${goal}: ${verdict} |`,
    );
  }
}
