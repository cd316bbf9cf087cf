/** What Xen's policy macros put behind a type (declare_build_label, tools/flask/policy/modules/xen.if). */
const SUFFIX = '_building';

/**
 * The FLASK context under which a domain is created and built that will run under `seclabel`: the same, with a type of its own. What
 * the boot domain may do to such a domain ends when it gets the label that it runs under.
 */
export function buildLabel(seclabel: string): string {
  const [user, role, type, ...range] = seclabel.split(':');
  return [user, role, buildType(type ?? ''), ...range].join(':');
}

/** The type in the place of `type` while such a domain is built. */
export function buildType(type: string): string {
  return `${type}${SUFFIX}`;
}
