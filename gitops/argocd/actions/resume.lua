-- Takes the field away, as git leaves it out.
obj.spec.suspend = nil
return obj
