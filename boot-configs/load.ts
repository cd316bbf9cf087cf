import type { Check } from './checks/check.ts';
import { manifestChecks } from './checks/index.ts';
import { ProblemCollector, type SourceRange } from './collector.ts';
import { applyDefaults } from './defaults.ts';
import { draftOf } from './draft.ts';
import { effectiveManifest } from './effective.ts';
import type { ManifestDocument } from './generated/manifest.ts';
import type { Manifest } from './manifest.ts';
import { formatPath, type Path, pointer } from './path.ts';
import { isUnknownKey, type SchemaProblem, schemaProblems } from './schema/problems.ts';
import { newest, unknownVersion, type Version, versionOf, versions } from './versions/versions.ts';
import { reportXlFile } from './xl-file.ts';
import { composeDocument } from './yaml/document.ts';
import { type Located, locate } from './yaml/located-tree.ts';
import { decode } from './yaml/source-bytes.ts';
import { SourceText } from './yaml/source-text.ts';

/**
 * Reads a manifest. `source` is the name that messages give the file. `more` are checks beyond those that every
 * manifest must pass, such as those of the images.
 * Throws a {@link ManifestError} that carries every problem found.
 */
export function loadManifest(
  bytes: Uint8Array,
  source: string,
  more: readonly Check[] = [],
): Manifest {
  const text = new SourceText(source, decode(bytes, source));
  const problems = new ProblemCollector(text);
  reportXlFile(text.text, () => newest.shapes['domains[]']?.keys ?? [], problems);
  problems.throwIfAny();
  const document = composeDocument(text, problems);
  problems.throwIfAny();
  if (document?.contents == null) throw new Error('a manifest without problems has no contents');

  // What is refused once, with everything in it, is not looked at again.
  const bad = new Set<string>();
  const root = locate(document.contents, problems, (path) => bad.add(pointer(path)));
  if (root !== undefined) {
    checkDocument(root, problems, bad, [...manifestChecks, ...more]);
  }
  problems.throwIfAny();
  return effectiveManifest(root?.value as ManifestDocument);
}

function checkDocument(
  root: Located,
  problems: ProblemCollector,
  bad: Set<string>,
  rules: readonly Check[],
): void {
  const version = versionOf(root);
  if (version === undefined) {
    addProblem(root, problems, unknownVersion(root));
    return;
  }
  applyDefaults(root, version);
  const draft = draftOf(root.value, bringUp(root, version, problems, bad));
  for (const { rule, run } of rules) {
    run(draft, (path, message, hint) =>
      addProblem(root, problems, { path, atKey: false, rule, message, hint }),
    );
  }
}

/** The suggestions of so many unknown keys count; those of more would take long and are not shown. */
const MAXIMUM_SUGGESTIONS = 1000;

/**
 * Checks a document against the schema of its version and makes it one of the newest. `bad` holds the pointers of what
 * was refused before; returns those of all that is refused, as they are in the newest version.
 */
function bringUp(
  root: Located,
  own: Version,
  problems: ProblemCollector,
  bad: ReadonlySet<string>,
): Set<string> {
  let refused = new Set(bad);
  for (const version of versions.slice(versions.indexOf(own))) {
    // What its own version refuses, the next would refuse in other words.
    if (version === own || refused.size === 0) reportSchema(root, version, problems, refused);
    if (version.stepUp === undefined) break;
    version.stepUp.translate(root);
    refused = new Set([...refused].map(version.stepUp.pointer));
  }
  return refused;
}

/** Reports what the schema finds wrong, in the order of the file, and adds it to what is refused. */
function reportSchema(
  root: Located,
  version: Version,
  problems: ProblemCollector,
  refused: Set<string>,
): void {
  const found: { problem: SchemaProblem; start: number }[] = [];
  let suggestions = 0;
  for (const problem of schemaProblems(root.value, version, newest)) {
    const at = pointer(problem.path);
    if (refused.has(at)) continue;
    refused.add(at);
    if (isUnknownKey(problem) && suggestions < MAXIMUM_SUGGESTIONS) {
      suggestions += 1;
      for (const path of problem.covers) refused.add(pointer(path));
    }
    found.push({ problem, start: find(root, problem.path, problem.atKey).place.start });
  }
  found.sort((a, b) => a.start - b.start);
  for (const { problem } of found) addProblem(root, problems, problem);
}

function addProblem(
  root: Located,
  problems: ProblemCollector,
  problem: Omit<SchemaProblem, 'covers'>,
): void {
  const { place, written } = find(root, problem.path, problem.atKey);
  problems.add(place, formatPath(written), problem);
}

/**
 * The place of the value or key at `path`, or of the nearest thing around it that is there, and the path as the file
 * spells it.
 */
function find(root: Located, path: Path, atKey: boolean): { place: SourceRange; written: Path } {
  const written = [...path];
  let at = root;
  for (const [index, step] of path.entries()) {
    const member = at.members.get(step);
    if (member === undefined) return { place: at.key ?? at.place, written };
    written[index] = member.written ?? step;
    at = member;
  }
  return { place: atKey && at.key !== undefined ? at.key : at.place, written };
}
