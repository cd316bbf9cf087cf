import { policyChecks } from '../boot-configs/checks/labels/policy-checks.ts';
import { loadManifest } from '../boot-configs/load.ts';
import type { Manifest } from '../boot-configs/manifest.ts';
import { typeNamed } from '../boot-configs/policy/contexts.ts';
import { type PolicyFinding, policyFindings } from '../boot-configs/policy/findings/findings.ts';
import type { PlatformDomain } from '../boot-configs/policy/findings/platform.ts';
import type { Policy } from '../boot-configs/policy/model.ts';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { chosenPolicy } from './flask-policy.ts';
import { manifestSource, sourceName } from './manifest-input.ts';

/** `domb policy check FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  const policy = await chosenPolicy(input);
  // Mistakes of the manifest that have nothing to do with the policy end the command: they are no findings.
  const plain = { ...input, values: new Map<string, string>() };
  const { manifest, bytes } = await (await manifestSource(plain, terminal))(file);
  const problems = problemsOf(() => loadManifest(bytes, sourceName(file), policyChecks(policy)));
  const findings = policyFindings(policy, domainsOf(manifest, policy));
  const well = problems === undefined && findings.length === 0;
  if (input.flags.has('json')) {
    const { problems: found = [], more = false } = problems ?? {};
    terminal.write(`${JSON.stringify({ ok: well, problems: found, more, findings }, null, 2)}\n`);
  } else if (well) {
    terminal.write(`${file}: ok, the policy allows its domains what they need, and nobody more\n`);
  } else {
    if (problems !== undefined) {
      const paint = paintFor(terminal.colour);
      terminal.writeError(`${formatProblems(problems.problems, problems.more, paint)}\n`);
    }
    terminal.writeError(findingTexts(findings));
  }
  return well ? 0 : 1;
}

/** The domains whose labels the policy knows; the others are problems of the manifest. */
function domainsOf({ domains, recovery }: Manifest, policy: Policy): PlatformDomain[] {
  const servers = new Set(domains.map(({ vtpm }) => vtpm));
  return [...domains, ...(recovery ? [recovery] : [])].flatMap((domain) => {
    const type = typeNamed(policy, domain.seclabel.split(':')[2] ?? '')?.name;
    if (type === undefined) return [];
    const { ioports, iomem, irqs } = domain.devices;
    return [
      {
        type,
        hardware: domain.capabilities.includes('hardware'),
        servesTpms: servers.has(domain.name),
        devices: [ioports, iomem, irqs, domain.pci].some((each) => each.length > 0),
      },
    ];
  });
}

function problemsOf(load: () => unknown): ManifestError | undefined {
  try {
    load();
    return undefined;
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
}

/** Those that say the same together, with the rules that allow it. */
function findingTexts(findings: readonly PolicyFinding[]): string {
  const together = Map.groupBy(findings, ({ rule, message }) => `policy: ${message} (${rule})`);
  return [...together]
    .map(([says, group]) => {
      const hints = new Set(group.map(({ hint }) => `  hint: ${hint}\n`));
      return `${says}\n${[...hints].join('')}`;
    })
    .join('');
}
