import type { Fault } from '../domains/rules/rule.ts';
import { nearest } from './suggest.ts';

/** A device that a manifest names, as xl.cfg does, or what is wrong with the text. */
export type Read<T> = { device: T } | { fault: Fault };

/** What is wrong with a text, found somewhere in the middle of reading it. */
class WordsError extends Error {
  readonly fault: Fault;

  constructor(message: string, hint: string) {
    super(message);
    this.fault = { message, hint };
  }
}

/** Ends the reading of a text by what is wrong with it. */
export function unreadable(message: string, hint: string): never {
  throw new WordsError(message, hint);
}

/** Reads a text by a function that ends with {@link unreadable} where it has to. */
export function readWords<T>(text: string, read: (items: readonly string[]) => T): Read<T> {
  try {
    return { device: read(text.split(',').map((item) => item.trim())) };
  } catch (error) {
    if (error instanceof WordsError) return { fault: error.fault };
    throw error;
  }
}

/** The device of a text that the checks have found right. */
export function deviceOf<T>(read: Read<T>): T {
  if ('device' in read) return read.device;
  throw new Error(`the checks have passed a device with a mistake: ${read.fault.message}`);
}

/** Keys that xl.cfg has, and what is said of them where they can't stand. */
export type Refused = Readonly<Record<string, { says: string; hint: string }>>;

/** The values of a device by their keys, each given once and in its form. */
export class DeviceKeys<K extends string> {
  readonly #forms: Readonly<Record<K, { form: RegExp; expects: string }>>;
  readonly #refused: Refused;
  readonly #values = new Map<K, string>();

  constructor(forms: Readonly<Record<K, { form: RegExp; expects: string }>>, refused: Refused) {
    this.#forms = forms;
    this.#refused = refused;
  }

  has(key: K): boolean {
    return this.#values.has(key);
  }

  get(key: K): string | undefined {
    return this.#values.get(key);
  }

  /** Takes a value, under the key that stands before it. */
  set(key: string, value: string): void {
    if (!this.#isKnown(key)) this.refuse(key);
    if (this.#values.has(key)) unreadable(`"${key}" is given twice`, 'keep one of them');
    const { form, expects } = this.#forms[key];
    if (!form.test(value)) unreadable(`"${key}" is "${value}"`, `expected ${expects}`);
    this.#values.set(key, value);
  }

  /** Ends the reading by what is to be said of a key, or a word, that is not taken. */
  refuse(key: string): never {
    const refused = Object.hasOwn(this.#refused, key) ? this.#refused[key] : undefined;
    if (refused) unreadable(`"${key}" ${refused.says}`, refused.hint);
    const meant = nearest(key, Object.keys(this.#forms));
    const known = Object.keys(this.#forms).join(', ');
    unreadable(
      `unknown key "${key}"`,
      meant === undefined ? `known here are ${known}` : `did you mean "${meant}"?`,
    );
  }

  #isKnown(key: string): key is K {
    return Object.hasOwn(this.#forms, key);
  }
}
