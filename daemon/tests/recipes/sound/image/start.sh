#!/bin/sh
exec sound serve
