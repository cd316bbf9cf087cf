/** Where a value stands in a document: keys of mappings and indexes of lists, from the root. */
export type Path = readonly (string | number)[];

/** For people: `domains[1].digests.kernel`. */
export function formatPath(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** A JSON pointer (RFC 6901), unique for each path. */
export function pointer(path: Path): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** The path that a JSON pointer into `root` stands for; steps into lists become numbers. */
export function fromPointer(text: string, root: unknown): Path {
  let value = root;
  return text
    .split('/')
    .slice(1)
    .map((part) => {
      const step = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const key = Array.isArray(value) ? Number(step) : step;
      value = (value as Record<string | number, unknown> | undefined)?.[key];
      return key;
    });
}
