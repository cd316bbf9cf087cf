const WIDTH = 80;

/** Breaks a paragraph into lines of at most `width` columns. */
export function wrap(paragraph: string, width = WIDTH, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line].join('\n');
}

/** Two columns, indented, the second one wrapped. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, text]) => {
      const wrapped = wrap(text, WIDTH, ' '.repeat(width + 4));
      return `  ${name.padEnd(width)}  ${wrapped.trimStart()}`;
    })
    .join('\n');
}

/** Text of unknown origin for a terminal: whatever is not printable ASCII is escaped. */
export function safe(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
