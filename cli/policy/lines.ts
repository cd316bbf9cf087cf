import { safe, wrap } from '../text.ts';

/** Text whose words come from elsewhere: in each line, what is not printable ASCII is escaped. */
export function safeLines(text: string): string {
  return text.split('\n').map(safe).join('\n');
}

const NAME = 16;

/** A name, and below or beside it what is said of it. */
export function entry(name: string, says: string): string {
  const indent = ' '.repeat(NAME + 4);
  const wrapped = wrap(says, 100, indent);
  if (name.length > NAME) return `${wrap(name, 100, '  ')}\n${wrapped}\n`;
  return `  ${name.padEnd(NAME)}  ${wrapped.trimStart()}\n`;
}
