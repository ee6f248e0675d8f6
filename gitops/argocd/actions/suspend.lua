-- No call to Okta or to the provider until it is resumed.
obj.spec.suspend = true
return obj
