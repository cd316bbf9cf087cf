import type { Located } from '../yaml/located-tree.ts';

/** Turns a document of one version into one of the next that means the same. */
export interface StepUp {
  /** Changes the tree in place; everything in it keeps its place in the file. */
  translate(root: Located): void;
  /** The JSON pointer to what `former` pointed to before the step. */
  pointer(former: string): string;
}

/** New names by former ones, for the mapping at a path without indexes, such as `domains[]`. */
export type Names = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A step to version `next` that gives keys other names and leaves the rest. */
export function renaming(next: number, names: Names): StepUp {
  return {
    translate(root) {
      for (const [at, keys] of Object.entries(names)) {
        for (const mapping of mappingsAt(root, at)) renameKeys(mapping, keys);
      }
      setValue(root, 'version', next);
    },
    pointer(former) {
      let at = '';
      const steps = former.split('/').slice(1);
      return steps
        .map((step) => {
          const inside = names[at];
          const name = inside !== undefined && Object.hasOwn(inside, step) ? inside[step] : step;
          at = /^[0-9]+$/.test(step) ? `${at}[]` : `${at}.${step}`.replace(/^\./, '');
          return `/${name}`;
        })
        .join('');
    },
  };
}

/** All mappings at a path without indexes, such as `domains[]`. */
function mappingsAt(root: Located, at: string): Located[] {
  let found = [root];
  for (const step of at.split('.')) {
    const key = step.replace('[]', '');
    found = found.flatMap((located) => located.members.get(key) ?? []);
    if (step !== key) {
      found = found.flatMap(({ value, members }) =>
        Array.isArray(value) ? [...members.values()] : [],
      );
    }
  }
  return found.filter(({ value }) => isMapping(value));
}

function renameKeys(mapping: Located, names: Readonly<Record<string, string>>): void {
  const value = mapping.value as Record<string, unknown>;
  for (const [former, name] of Object.entries(names)) {
    const member = mapping.members.get(former);
    if (member === undefined) continue;
    mapping.members.delete(former);
    delete value[former];
    // The file's own spelling is what messages show.
    member.written ??= former;
    mapping.members.set(name, member);
    value[name] = member.value;
  }
}

function setValue(mapping: Located, key: string, value: unknown): void {
  const member = mapping.members.get(key);
  if (member === undefined || !isMapping(mapping.value)) return;
  member.value = value;
  mapping.value[key] = value;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
