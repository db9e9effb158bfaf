// Unpacks the browser that npm has brought, with the libraries and a font that a bare machine lacks, into a folder.

import { createRequire } from 'node:module';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync } from 'node:zlib';

const folder = resolve(process.argv[2]);
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
process.env.TMPDIR = folder;

// The package unpacks into the folder for temporary files, which it asks for when it is loaded.
const { default: chromium } = await import('@sparticuz/chromium');
await chromium.executablePath();

const require = createRequire(import.meta.url);
const { extract } = require('tar-fs');
const packed = join(dirname(require.resolve('@sparticuz/chromium')), '..', 'bin', 'al2023.tar.br');
await pipeline(Readable.from(brotliDecompressSync(await readFile(packed))), extract(join(folder, 'nss')));

await writeFile(
  join(folder, 'fonts.conf'),
  `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${join(folder, 'fonts')}</dir><dir>/usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`,
);
