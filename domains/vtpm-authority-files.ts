/**
 * What the authority over a domain's TPMs is given as: two files in front of the ramdisk of the domain that serves them, which nobody
 * else can read. Paths are as in an archive, without the leading slash.
 */
export const AUTHORITY_FILES = {
  /** X.509, DER. */
  certificate: 'domb-vtpm-authority.der',
  /** PKCS #8, DER. */
  privateKey: 'domb-vtpm-authority.key',
} as const;
