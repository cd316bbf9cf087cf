import type { ErrorObject } from 'ajv';
import { shapes, validate } from '../generated/validate-manifest-1.ts';
import { formatPath, fromPointer, type Path } from '../path.ts';
import { nearest } from '../suggest.ts';
import type { Shape } from './model.ts';

/** What the schema finds wrong, in words. */
export interface SchemaProblem {
  path: Path;
  /** True when the key is wrong, not its value. */
  atKey: boolean;
  rule: string;
  message: string;
  hint: string;
  /** Properties that are missing because of this, and are not to be reported as missing. */
  covers: Path[];
}

/** Names that other toolstacks use for a property of ours. */
const otherNames: Record<string, string> = {
  bootargs: 'cmdline',
  builder: 'type',
  command: 'cmdline',
  depends: 'after',
  event_channels: 'max-event-channels',
  extra: 'cmdline',
  id: 'domid',
  image: 'kernel',
  initrd: 'ramdisk',
  initramfs: 'ramdisk',
  label: 'seclabel',
  maxmemory: 'maxmem',
  mem: 'memory',
};

/** Checks a document against the schema. Each problem is put into words only when it is asked for. */
export function* schemaProblems(document: unknown): Generator<SchemaProblem> {
  if (validate(document)) return;
  const errors = validate.errors ?? [];
  // A misspelt key explains why another one is missing, so it comes first.
  for (const error of errors) if (isUnknownKey(error)) yield translate(error, document);
  for (const error of errors) if (!isUnknownKey(error)) yield translate(error, document);
}

function isUnknownKey(error: ErrorObject): boolean {
  return error.keyword === 'additionalProperties';
}

function translate(error: ErrorObject, document: unknown): SchemaProblem {
  const path = fromPointer(error.instancePath, document);
  const shape = shapeAt(path);
  const expected = `expected ${shape.expects}`;
  const value = valueAt(document, path);
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, String(error.params.additionalProperty), shape, value);
    case 'required': {
      const missing = [...path, String(error.params.missingProperty)];
      return {
        path: missing,
        atKey: false,
        rule: 'missing-property',
        message: 'this property is missing',
        hint: `add "${missing.at(-1)}": ${shapeAt(missing).expects}`,
        covers: [],
      };
    }
    case 'type':
      return {
        path,
        atKey: value === null,
        rule: 'wrong-type',
        message: value === null ? 'there is no value' : `${kindOf(value)} can't stand here`,
        hint: expected,
        covers: [],
      };
    default:
      return {
        path,
        atKey: value === null,
        rule: 'wrong-value',
        message: value === null ? 'there is no value' : `${show(value)} can't stand here`,
        hint: withSuggestion(expected, value, error.params.allowedValues),
        covers: [],
      };
  }
}

function unknownKey(parent: Path, key: string, shape: Shape, mapping: unknown): SchemaProblem {
  const keys = shape.keys ?? [];
  const absent = keys.filter((known) => !(known in (mapping as object)));
  const problem = { path: [...parent, key], atKey: true, rule: 'unknown-key' };
  if (key === '<<') {
    return {
      ...problem,
      message: 'YAML 1.2 has no merge keys',
      hint: 'put values that several domains share into "defaults:"',
      covers: absent.map((known) => [...parent, known]),
    };
  }
  const other = otherNames[key.toLowerCase()];
  const meant = other !== undefined && keys.includes(other) ? other : nearest(key, keys);
  return {
    ...problem,
    message: `unknown key ${show(key)}`,
    hint:
      meant === undefined
        ? `remove it; known here are ${keys.join(', ')}`
        : `did you mean "${meant}"?`,
    covers: meant !== undefined && absent.includes(meant) ? [[...parent, meant]] : [],
  };
}

function withSuggestion(expected: string, value: unknown, allowed: unknown): string {
  if (typeof value !== 'string' || !Array.isArray(allowed)) return expected;
  const meant = nearest(value, allowed as string[]);
  return meant === undefined ? expected : `did you mean "${meant}"? ${expected}`;
}

function shapeAt(path: Path): Shape {
  const at = formatPath(path).replace(/\[[0-9]+\]/g, '[]');
  const shape = shapes[at];
  if (shape === undefined) throw new Error(`the schema says nothing about "${at}"`);
  return shape;
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce(
    (value, step) => (value as Record<string | number, unknown>)[step],
    document as unknown,
  );
}

/** A value as it may stand in a message, shortened. */
function show(value: unknown): string {
  if (Array.isArray(value) || typeof value === 'object') return kindOf(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 56)}..."` : text;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text ${show(value)}`;
  return typeof value === 'number' ? `the number ${value}` : `the word ${value}`;
}
