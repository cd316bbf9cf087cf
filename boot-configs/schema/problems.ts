import { formatPath, fromPointer, type Path } from '../path.ts';
import { nearest, sameName } from '../suggest.ts';
import type { Shape } from './model.ts';
import { deviceKeys, otherNames } from './other-names.ts';

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

/** One verdict, as ajv gives it. */
interface SchemaError {
  /** A JSON pointer. */
  instancePath: string;
  keyword: string;
  params: { additionalProperty?: string; missingProperty?: string; allowedValues?: unknown };
}

/** A schema as code: `validate` leaves its verdicts in `validate.errors`, `shapes` says what belongs at each place. */
export interface SchemaValidator {
  validate: { (document: unknown): boolean; errors?: SchemaError[] | null };
  shapes: Readonly<Record<string, Shape>>;
}

/**
 * Checks a document against its version of the schema. `newest` is the latest, for keys that an older one lacks. Each
 * problem is put into words only when it is asked for.
 */
export function* schemaProblems(
  document: unknown,
  schema: SchemaValidator,
  newest: NewestSchema,
): Generator<SchemaProblem> {
  if (schema.validate(document)) return;
  const errors = schema.validate.errors ?? [];
  const context = { document, shapes: schema.shapes, newest };
  // A misspelt key explains why another one is missing, so it comes first.
  for (const error of errors) if (isUnknownKey(error)) yield translate(error, context);
  for (const error of errors) if (!isUnknownKey(error)) yield translate(error, context);
}

type NewestSchema = Pick<SchemaValidator, 'shapes'> & { number: number };

interface Context {
  document: unknown;
  shapes: SchemaValidator['shapes'];
  newest: NewestSchema;
}

function isUnknownKey(error: SchemaError): boolean {
  return error.keyword === 'additionalProperties';
}

function translate(error: SchemaError, context: Context): SchemaProblem {
  const { document, shapes } = context;
  const path = fromPointer(error.instancePath, document);
  const shape = shapeAt(path, shapes);
  const expected = `expected ${shape.expects}`;
  const value = valueAt(document, path);
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, String(error.params.additionalProperty), value, context);
    case 'required': {
      const missing = [...path, String(error.params.missingProperty)];
      return {
        path: missing,
        atKey: false,
        rule: 'missing-property',
        message: 'this property is missing',
        hint: `add "${missing.at(-1)}": ${shapeAt(missing, shapes).expects}`,
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

function unknownKey(
  parent: Path,
  key: string,
  mapping: unknown,
  { shapes, newest }: Context,
): SchemaProblem {
  const keys = shapeAt(parent, shapes).keys ?? [];
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
  const same = sameName(key, keys) ?? sameName(otherNames.get(key.toLowerCase()) ?? '', keys);
  const newer = newest.shapes[placeName(parent)]?.keys ?? [];
  if (same === undefined && shapes !== newest.shapes && newer.includes(key)) {
    return {
      ...problem,
      message: `this version of the manifest has no key ${show(key)}`,
      hint: `write "version: ${newest.number}", as docs/manifest.md describes under "Versions"`,
      covers: [],
    };
  }
  if (same === undefined && deviceKeys.has(key) && placeName(parent) === 'domains[]') {
    return {
      ...problem,
      message: `${show(key)} needs a device model or a back end, and none runs while the platform boots`,
      hint: 'remove it, or leave the domain to domain 0: "xl create" starts such domains',
      covers: [],
    };
  }
  const meant = same ?? nearest(key, keys);
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

/** The name that `shapes` has for the place at `path`. */
function placeName(path: Path): string {
  return formatPath(path).replace(/\[[0-9]+\]/g, '[]');
}

function shapeAt(path: Path, shapes: SchemaValidator['shapes']): Shape {
  const at = placeName(path);
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
