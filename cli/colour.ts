import { styleText } from 'node:util';
import type { Paint } from '../boot-configs/problems.ts';

const styles = { place: 'bold', message: 'red', excerpt: 'dim', hint: 'cyan' } as const;

/** Colours for problems, or none. */
export function paintFor(colour: boolean): Paint {
  // The terminal is asked elsewhere, once, where NO_COLOR is honoured too.
  return (part, text) => (colour ? styleText(styles[part], text, { validateStream: false }) : text);
}
