import { checks, gaps, type Outcome } from '../measurement/evidence/verdict.ts';
import { guestChecks, guestGaps } from '../measurement/guest-tpm/guest-verdict.ts';

const outcomes: Readonly<Record<Outcome, string>> = {
  proven: 'nothing is wrong, and every gap is closed or waived',
  unproven: 'nothing is wrong, and a gap is open',
  refused: 'something is wrong',
};

const line = { type: 'string', description: 'one line for people' };
const lines = { type: 'array', items: line };
const pcr = { type: 'integer', minimum: 0, maximum: 23 };

/** A closed choice of names, each with what it means. */
const named = (meanings: Readonly<Record<string, string>>) => ({
  oneOf: Object.entries(meanings).map(([name, description]) => ({ const: name, description })),
});

const object = (properties: object, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

const events = {
  type: 'array',
  description: 'docs/measurement-log.md has their further members',
  items: object({ event: { type: 'string' }, sequence: { type: 'integer', minimum: 0 } }),
};

const optional = ['guest', 'items', 'pcrs', 'events', 'bootEvents', 'boot', 'scripts', 'quote'];

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:domb:verdict:1',
  title: 'What "domb verify --json" writes when it reached a verdict',
  description:
    'Names stay what they are. Members, checks and gaps may be added: read "outcome", which knows them all.',
  ...object(
    {
      outcome: named(outcomes),
      findings: {
        type: 'array',
        items: object({ check: named(checks), ok: { type: 'boolean' }, says: line }),
      },
      gaps: {
        type: 'array',
        items: object({
          gap: named(gaps),
          says: line,
          hint: { ...line, description: 'what closes it' },
          waived: { type: 'boolean', description: 'true when --waive accepts it' },
        }),
      },
      notes: lines,
      guest: {
        description:
          'what was found of a guest, with --guest; "outcome" is then that of both, and without evidence of the platform the other lists are empty',
        ...object({
          domain: { ...line, description: "the guest's name in the manifest" },
          findings: {
            type: 'array',
            items: object({ check: named(guestChecks), ok: { type: 'boolean' }, says: line }),
          },
          gaps: {
            type: 'array',
            items: object({
              gap: named(guestGaps),
              says: line,
              hint: { ...line, description: 'what closes it; it cannot be waived' },
            }),
          },
          notes: lines,
        }),
      },
      items: {
        type: 'array',
        description: 'how each item compares; where there is something to compare with',
        items: object({ name: line, problems: lines }),
      },
      pcrs: { type: 'array', description: 'the registers of the log', items: pcr },
      events,
      bootEvents: events,
      boot: object({
        end: { enum: ['complete', 'recovery', 'failed'] },
        built: { ...lines, description: 'domains that were there when the registers were capped' },
        missing: { type: 'array', items: object({ domain: line, why: line }) },
      }),
      scripts: object({ changed: lines, read: lines }),
      quote: object({
        clock: { type: 'string', pattern: '^\\d+$', description: 'milliseconds' },
        resetCount: { type: 'integer', minimum: 0 },
        restartCount: { type: 'integer', minimum: 0 },
        safe: { type: 'boolean' },
        firmwareVersion: { type: 'string', pattern: '^[0-9a-f]+$' },
        key: { type: 'string', pattern: '^[0-9a-f]+$', description: "the key's name" },
        pcrs: {
          type: 'object',
          description: 'by bank and register',
          additionalProperties: {
            type: 'object',
            additionalProperties: { type: 'string', pattern: '^([0-9a-f]{2})+$' },
          },
        },
      }),
    },
    optional,
  ),
};

/** docs/verdict.schema.json: what programs that read verdicts may rely on. */
export const verdictSchema = (): string => `${JSON.stringify(schema, null, 2)}\n`;
