#!/bin/sh
# The environment section of the definition goes below.
