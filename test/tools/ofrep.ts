// The official providers, with the SDKs that they find beside them: both must be of one installation.
export { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
export { OFREPProvider } from '@openfeature/ofrep-provider';
export { OpenFeature as WebOpenFeature, ProviderEvents as WebProviderEvents } from '@openfeature/web-sdk';
export { OpenFeature as ServerOpenFeature } from '@openfeature/server-sdk';
