import { formatPath, fromPointer, type Path } from '../path.ts';
import { nearest, sameName } from '../suggest.ts';
import { advice } from './advice.ts';
import type { Shape } from './model.ts';
import { otherNames } from './other-names.ts';
import { xlKeyFate } from './xl-keys.ts';

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
 * Checks a document against its version of the schema. `newest` is the latest, for keys that an older one lacks. What a
 * problem says and covers is made up when it is asked for: that costs more than finding it, and few of many are shown.
 */
export function schemaProblems(
  document: unknown,
  schema: SchemaValidator,
  newest: NewestSchema,
): SchemaProblem[] {
  if (schema.validate(document)) return [];
  const context = { document, shapes: schema.shapes, newest };
  const problems = (schema.validate.errors ?? []).map((error) => problemOf(error, context));
  // A misspelt key explains why another one is missing, so it comes first.
  return [...problems.filter(isUnknownKey), ...problems.filter((each) => !isUnknownKey(each))];
}

type NewestSchema = Pick<SchemaValidator, 'shapes'> & { number: number };

interface Context {
  document: unknown;
  shapes: SchemaValidator['shapes'];
  newest: NewestSchema;
}

export function isUnknownKey({ rule }: Pick<SchemaProblem, 'rule'>): boolean {
  return rule === 'unknown-key';
}

type Words = Pick<SchemaProblem, 'message' | 'hint'> & { covers?: Path[] };

function problemOf(
  { instancePath, keyword, params }: SchemaError,
  context: Context,
): SchemaProblem {
  const { document, shapes } = context;
  const path = fromPointer(instancePath, document);
  const value = valueAt(document, path);
  const given = value !== null;
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(params.additionalProperty);
      const words = () => unknownKey(path, key, value, context);
      return problem([...path, key], true, 'unknown-key', words);
    }
    case 'required': {
      const missing = [...path, String(params.missingProperty)];
      return problem(missing, false, 'missing-property', () => ({
        message: 'this property is missing',
        hint: `add "${missing.at(-1)}": ${shapeAt(missing, shapes).expects}`,
      }));
    }
    case 'type':
      return problem(path, !given, 'wrong-type', () => ({
        message: given ? `${kindOf(value)} can't stand here` : 'there is no value',
        hint: advised(path, value, shapeAt(path, shapes)),
      }));
    default:
      return problem(path, !given, 'wrong-value', () => ({
        message: refusal(value, keyword),
        hint: advised(path, value, shapeAt(path, shapes), params.allowedValues),
      }));
  }
}

function problem(path: Path, atKey: boolean, rule: string, words: () => Words): SchemaProblem {
  let said: Words | undefined;
  const say = () => {
    said ??= words();
    return said;
  };
  return {
    path,
    atKey,
    rule,
    get message() {
      return say().message;
    },
    get hint() {
      return say().hint;
    },
    get covers() {
      return say().covers ?? [];
    },
  };
}

function refusal(value: unknown, keyword: string): string {
  if (value === null) return 'there is no value';
  if (!Array.isArray(value)) return `${show(value)} can't stand here`;
  if (value.length === 0) return 'the list is empty';
  return `${value.length} are too ${keyword === 'minItems' ? 'few' : 'many'}`;
}

function unknownKey(
  parent: Path,
  key: string,
  mapping: unknown,
  { shapes, newest }: Context,
): Words {
  const keys = shapeAt(parent, shapes).keys ?? [];
  const absent = keys.filter((known) => !(known in (mapping as object)));
  if (key === '<<') {
    return {
      message: 'YAML 1.2 has no merge keys',
      hint: 'put values that several domains share into "defaults:"',
      covers: absent.map((known) => [...parent, known]),
    };
  }
  const same = sameName(key, keys) ?? sameName(otherNames.get(key.toLowerCase()) ?? '', keys);
  const place = placeName(parent);
  const newer = newest.shapes[place]?.keys ?? [];
  if (same === undefined && shapes !== newest.shapes && newer.includes(key)) {
    return {
      message: `this version of the manifest has no key ${show(key)}`,
      hint: `write "version: ${newest.number}", as docs/manifest.md describes under "Versions"`,
    };
  }
  const fate = place === 'domains[]' || place === 'defaults' ? xlKeyFate(key) : undefined;
  if (same === undefined && fate !== undefined) {
    return { message: `${show(key)} ${fate.says}`, hint: fate.hint };
  }
  const places = Object.keys(shapes).filter((at) => shapes[at]?.keys?.includes(key));
  const inside = same === undefined ? places.find((at) => at.startsWith(`${place}.`)) : undefined;
  const meant = inside === undefined ? (same ?? nearest(key, keys)) : undefined;
  if (meant === undefined && places.length > 0) {
    return {
      message: `the key ${show(key)} does not belong here`,
      hint: whereItBelongs(place, inside, places),
    };
  }
  return {
    message: `unknown key ${show(key)}`,
    hint:
      meant === undefined
        ? `remove it; known here are ${keys.join(', ')}`
        : `did you mean "${meant}"?`,
    covers: meant !== undefined && absent.includes(meant) ? [[...parent, meant]] : [],
  };
}

/** Where a key that is wrong at `place` belongs: to what is `inside` of that, or one of `places`. */
function whereItBelongs(place: string, inside: string | undefined, places: string[]): string {
  const found = inside ?? places[0] ?? '';
  if (inside === undefined && places.includes('domains[]')) {
    if (place === 'defaults') return 'each domain has its own: write it there';
    return places.includes('platform')
      ? 'it belongs to "platform" or to a domain: indent it below that'
      : 'it belongs to a domain: indent it below the "- name:" of that';
  }
  if (found === '') return 'it stands at the beginning of a line, outside of everything else';
  if (found.endsWith('[]')) return `it belongs to an item of "${found.slice(0, -2)}"`;
  return `it belongs to "${found.replace('domains[].', '')}": indent it below that`;
}

/** What is expected, and before it what was probably meant. `allowed` are the words that may stand there, where there are such. */
function advised(path: Path, value: unknown, shape: Shape, allowed?: unknown): string {
  const expected = `expected ${shape.expects}`;
  if (value === null) return expected;
  const word =
    typeof value === 'string' && Array.isArray(allowed)
      ? nearest(value, allowed as string[])
      : undefined;
  if (word !== undefined) return `did you mean "${word}"? ${expected}`;
  const key = path.findLast((step) => typeof step === 'string') ?? '';
  const lead = advice(String(key), value, shape);
  return lead === undefined ? expected : `${lead} ${expected}`;
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
