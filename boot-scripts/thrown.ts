/** How a value of the script's, and what it threw, is put into words. Nothing in here fails, whatever the script's getters do. */
import { inspect, types } from 'node:util';
import { placeIn, placeOfSyntaxError } from './place.ts';
import type { ScriptText } from './protocol.ts';

/** Characters; enough to see what it is. */
const LONGEST = 2000;
/** Causes of causes that are told. */
const DEEPEST = 4;

/** A mistake in the script that has no error of JavaScript's own. */
export class ScriptMistake extends Error {}

/** A text as it is, anything else as a programmer would write it. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : oneLine(shown(value));
}

/** What was thrown: errors with name, message and causes, other values as what they are. */
export function describeThrown(thrown: unknown): string {
  return oneLine(isError(thrown) ? errorText(thrown, 0) : `it threw ${shown(thrown)}`);
}

/** Where in the script it was thrown, as far as that is known. */
export function placeOfThrown({ file, source }: ScriptText, thrown: unknown): string {
  if (!isError(thrown)) return file;
  const error = {
    name: stringOf(memberOf(thrown, 'name')) ?? '',
    stack: stringOf(memberOf(thrown, 'stack')) ?? '',
  };
  return placeOfSyntaxError(file, source, error) ?? placeIn(file, error);
}

/** Errors of the script's own context are no instances of this one's Error; proxies are none. */
function isError(value: unknown): value is Error {
  return types.isNativeError(value) || (!types.isProxy(value) && value instanceof Error);
}

function errorText(error: Error, depth: number): string {
  const name = stringOf(memberOf(error, 'name')) ?? 'Error';
  const message = stringOf(memberOf(error, 'message')) ?? 'without a message';
  const plain = error instanceof ScriptMistake || name === 'Error';
  const told = message === '' ? `${name} without a message` : message;
  const own = plain || message === '' ? told : `${name}: ${told}`;
  const errors = memberOf(error, 'errors');
  const parts = Array.isArray(errors) && !types.isProxy(errors) ? errors.slice(0, 10) : [];
  const caused = memberOf(error, 'cause');
  return [
    own,
    ...parts.map((part) => nested('one of them', part, depth)),
    ...(caused === undefined ? [] : [nested('cause', caused, depth)]),
  ].join('');
}

function nested(word: string, value: unknown, depth: number): string {
  if (depth === DEEPEST) return '';
  const text = isError(value) ? errorText(value, depth + 1) : shown(value);
  return ` (${word}: ${text})`;
}

/** A getter of the script's may fail; should it never end, the script's time does. */
function memberOf(owner: object, name: string): unknown {
  try {
    return (owner as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

const stringOf = (value: unknown) => (typeof value === 'string' ? value : undefined);

function shown(value: unknown): string {
  try {
    return inspect(value, {
      ...{ depth: 3, breakLength: Number.POSITIVE_INFINITY, compact: true },
      // What an object does to show itself is the script's code.
      ...{ customInspect: false, getters: false, maxArrayLength: 20, maxStringLength: 500 },
    });
  } catch {
    return `a value of type ${typeof value} that cannot be shown`;
  }
}

/** The console is a terminal, and a failure one line of the log. */
export function oneLine(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}
