// A page on http://192.168.x.1 is no secure context: crypto.subtle is not there. Import this first.
Object.defineProperty(globalThis.crypto, "subtle", { value: undefined });
