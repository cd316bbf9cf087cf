import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** What is in the repository and is no production code. */
const notProduction = ['node_modules', 'out', 'test', 'bench', '.git', '.ci'];

/** A file: its path from the root, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

/** All production modules of the tree under `directory`, in the order of their paths; or its other files, by their names. */
export function productionFiles(directory = root, names = /\.ts$/): SourceFile[] {
  const paths: string[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(directory, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (notProduction.includes(path)) continue;
      if (entry.isDirectory() && entry.name !== 'node_modules') visit(path);
      else if (entry.isFile() && names.test(path)) paths.push(path);
    }
  };
  visit('.');
  return paths.sort().map((path) => ({ path, text: readFileSync(join(directory, path), 'utf8') }));
}

// The formatter puts every statement at the start of a line.
const statement = /^(?:import|export)\s(?:[^;'"`]*?\sfrom\s+)?'(\.[^']+)'/gm;
const call = /\bimport\(\s*'(\.[^']+)'/g;

/** The modules of the tree that a file imports or exports from, types included, as paths from the root. */
export function importsOf({ path, text }: SourceFile): string[] {
  const found = [statement, call].flatMap((pattern) => [...text.matchAll(pattern)]);
  const paths = found.map((match) => normalize(join(dirname(path), match[1] as string)));
  return [...new Set(paths)];
}

const declaration =
  /^export (?:default )?(?:abstract )?(?:async )?(const|let|function\*?|class|interface|type) (\w+)/gm;

/** The names that a module defines and exports; re-exports are somebody else's. */
export function exportedNames({ text }: SourceFile): string[] {
  return [...new Set([...text.matchAll(declaration)].map(([, , name = '']) => name))];
}

/** The same without types. */
export function exportedValues({ text }: SourceFile): string[] {
  const values = [...text.matchAll(declaration)].filter(([, kind]) => !/^[it]/.test(kind ?? ''));
  return [...new Set(values.map(([, , name = '']) => name))];
}

/**
 * A circle in a directed graph, its first node repeated as its last; undefined where there is none.
 * @param edges by node, the nodes that it leads to
 */
export function circleIn(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (node: string): string[] | undefined => {
    const at = trail.indexOf(node);
    if (at >= 0) return [...trail.slice(at), node];
    if (done.has(node)) return undefined;
    trail.push(node);
    for (const next of edges.get(node) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    trail.pop();
    done.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return undefined;
}
