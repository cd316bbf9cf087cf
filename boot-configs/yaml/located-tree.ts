import { isAlias, isMap, isScalar, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { ProblemCollector, SourceRange } from '../collector.ts';
import { formatPath, type Path } from '../path.ts';

/** A value of the manifest with the place of everything in it. Aliases are expanded. */
export interface Located {
  /** Mappings are objects without prototype, so that no key has a meaning of its own. */
  value: unknown;
  place: SourceRange;
  /** Where the key stands, for a value in a mapping. */
  key?: SourceRange;
  /** The key as the file spells it, where a translation from an older version gave it another name. */
  written?: string;
  /** Members of a mapping by key, of a list by index. */
  members: Map<string | number, Located>;
}

/** Values in a manifest with all aliases expanded; 1,000 domains with every property need about 30,000. */
const MAXIMUM_VALUES = 100_000;
/** The schema needs 4 levels; aliases in aliases add levels that the parser does not see. */
const MAXIMUM_DEPTH = 32;

/**
 * Turns YAML nodes into values with places. Tags, keys that aren't text, duplicate keys and aliases that lead nowhere
 * or into themselves go to `problems`; such a value is left out and its path passed to `onDropped`. A tree that
 * grows beyond the limits is reported as well and gives undefined.
 */
export function locate(
  root: Node,
  problems: ProblemCollector,
  onDropped: (path: Path) => void,
): Located | undefined {
  try {
    return new Locator(problems, onDropped).convert(root, [], undefined);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    problems.add(error.place, formatPath(error.path.slice(0, 4)), {
      rule: 'yaml-limits',
      message: `the manifest grows beyond ${MAXIMUM_VALUES} values or ${MAXIMUM_DEPTH} levels here`,
      hint: 'use fewer aliases and less nesting',
    });
    return undefined;
  }
}

class TooLarge extends Error {
  readonly place: SourceRange;
  readonly path: Path;

  constructor(place: SourceRange, path: Path) {
    super('too large');
    this.place = place;
    this.path = path;
  }
}

class Locator {
  readonly #problems: ProblemCollector;
  readonly #onDropped: (path: Path) => void;
  /** The latest node with each anchor, in document order. */
  readonly #anchors = new Map<string, Node>();
  /** What an alias stood for where it was written; needed again inside expanded content. */
  readonly #targets = new Map<Node, Node | undefined>();
  /** Collections that the walk is inside of. */
  readonly #open = new Set<Node>();
  #values = 0;

  constructor(problems: ProblemCollector, onDropped: (path: Path) => void) {
    this.#problems = problems;
    this.#onDropped = onDropped;
  }

  /** `alias` is the outermost alias that is being expanded; anchors in its target were registered before. */
  convert(node: Node, path: Path, alias: SourceRange | undefined): Located | undefined {
    const place = placeOf(node);
    const refuse = (rule: string, message: string, hint: string): undefined => {
      this.#problems.add(place, formatPath(path), { rule, message, hint });
      this.#onDropped(path);
    };
    this.#values += 1;
    if (this.#values > MAXIMUM_VALUES || path.length > MAXIMUM_DEPTH) {
      throw new TooLarge(alias ?? place, path);
    }
    if (isAlias(node)) {
      if (alias === undefined) this.#targets.set(node, this.#anchors.get(node.source));
      const target = this.#targets.get(node);
      if (target === undefined) {
        const message = `no anchor "&${node.source}" stands before this alias`;
        return refuse('yaml-alias', message, 'define the anchor first, or write the value out');
      }
      if (this.#open.has(target)) {
        return refuse('yaml-alias', 'this alias contains itself', 'write the value out');
      }
      return this.convert(target, path, alias ?? place);
    }
    if (node.anchor !== undefined && alias === undefined) this.#anchors.set(node.anchor, node);
    if (node.tag !== undefined) {
      return refuse('yaml-tag', `the tag ${node.tag} has no meaning here`, 'remove the tag');
    }
    const number = ambiguousNumber(node);
    if (number !== undefined) {
      return refuse(
        'yaml-octal',
        `${number.written} is ${number.decimal} in YAML 1.2 and ${number.octal ?? 'no number'} elsewhere`,
        `write ${number.decimal}${number.octal === undefined ? '' : `, or ${number.octal} if that is meant`}; put it in quotes if it is a text`,
      );
    }
    if (isScalar(node)) return { value: plain(node.value), place, members: new Map() };
    this.#open.add(node);
    const located = isMap(node) ? this.#mapping(node, path, alias) : this.#list(node, path, alias);
    this.#open.delete(node);
    return located;
  }

  #mapping(node: YAMLMap, path: Path, alias: SourceRange | undefined): Located {
    const value: Record<string, unknown> = Object.create(null);
    const members = new Map<string | number, Located>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node;
      const key = placeOf(keyNode);
      const name = isScalar(keyNode) && keyNode.tag === undefined ? keyNode.value : undefined;
      if (typeof name !== 'string') {
        this.#problems.add(key, formatPath(path), {
          rule: 'yaml-key',
          message: 'this key is not plain text',
          hint: 'write the name of a property',
        });
        continue;
      }
      const here = [...path, name];
      if (members.has(name)) {
        this.#problems.add(key, formatPath(here), {
          rule: 'yaml-duplicate-key',
          message: `"${name}" stands twice in this mapping`,
          hint: 'keep one of the two',
        });
        continue;
      }
      // A key without ":" has no node for its value.
      const child =
        pair.value === null
          ? { value: null, place: key, members: new Map() }
          : this.convert(pair.value as Node, here, alias);
      if (child === undefined) continue;
      // An empty value has no text of its own to point at.
      const { start, end } = child.place;
      members.set(name, { ...child, key, place: start === end ? key : child.place });
      value[name] = child.value;
    }
    return { value, place: placeOf(node), members };
  }

  #list(node: YAMLSeq, path: Path, alias: SourceRange | undefined): Located {
    const value: unknown[] = [];
    const members = new Map<string | number, Located>();
    for (const [index, item] of node.items.entries()) {
      const child = this.convert(item as Node, [...path, index], alias);
      // What was left out keeps its index, so that paths stay those of the file.
      value.push(child?.value);
      if (child !== undefined) members.set(index, child);
    }
    return { value, place: placeOf(node), members };
  }
}

/**
 * A number that begins with a zero, for which people, YAML 1.1 and other tools take the octal one; undefined where both are
 * the same.
 */
function ambiguousNumber(
  node: Node,
): { written: string; decimal: number; octal: number | undefined } | undefined {
  if (!isScalar(node) || typeof node.value !== 'number') return undefined;
  const written = /^[+-]?0[0-9]+$/.exec(node.source ?? '')?.[0];
  if (written === undefined) return undefined;
  const decimal = Number(written);
  const octal = /[89]/.test(written) ? undefined : Number.parseInt(written, 8);
  return octal === decimal ? undefined : { written, decimal, octal };
}

/** YAML knows a negative zero, which means 0 and would be written otherwise in JSON. */
function plain(value: unknown): unknown {
  return value === 0 ? 0 : value;
}

function placeOf(node: Node): SourceRange {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}
